"""A bundle, opened to be used: networks, small models, reference and atlas. Nothing of a run is needed."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strokeclock.baselines.regression import Regression, restore_regression
from strokeclock.bundle.archive import Archive, BundleError
from strokeclock.bundle.names import (
    ATLAS,
    CARD,
    CONFIGURATION,
    RECIPE,
    REFERENCE,
    REFERENCE_ARRAYS,
    SEEN,
    SUMMARY,
    name_atlas,
    name_network,
    name_regression,
)
from strokeclock.bundle.recipe import Recipe, Trained
from strokeclock.bundle.summary import Summary
from strokeclock.bundle.tokens import find_seen, read_seen
from strokeclock.imaging.matching import NONE
from strokeclock.imaging.reference import GIVEN, Reference
from strokeclock.models.view import View
from strokeclock.training.record import CheckpointError, TrainingRecord, parse_record

if TYPE_CHECKING:
    from strokeclock.models.classifier import Classifier
    from strokeclock.models.unet3d import UNet


@dataclass(frozen=True)
class Bundle:
    """An opened bundle. Every file was compared with its digest; each is read when it is asked for.

    Attributes
    ----------
    archive
        The zip file.
    recipe
        What is computed, and the frozen numbers.
    config
        The run's configuration, without paths and patients.
    summary
        What the cohort was like: counts and ranges.
    """

    archive: Archive
    recipe: Recipe
    config: Mapping[str, Any]
    summary: Summary

    @property
    def facts(self) -> dict[str, str]:
        """Name, version, licence, by what it was made and on whom it was trained, as text."""
        named = ("name", "version", "licence", "strokeclock")
        who = self.archive.manifest.get("cohort", "patients")
        return {key: str(self.archive.manifest.get(key, "")) for key in named} | {
            "cohort": f"{self.summary.patients.get('train', 0)} {who}",
            "sha256": self.archive.sha256,
        }

    @property
    def versions(self) -> dict[str, str]:
        """Software -> the version that the bundle was made with."""
        return {
            str(name): str(version) for name, version in self.archive.manifest.get("versions", {}).items()
        }

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.archive.parse(CARD, lambda content: content.decode())

    def read_network(self, trained: Trained, seed: int) -> "Classifier":
        """Rebuild a classifier, in evaluation mode; BundleError where record and weights do not fit."""
        from strokeclock.training.checkpoint import architecture_of

        return self._build(trained, seed, lambda record: architecture_of(record).build())

    def read_segmenter(self, trained: Trained, seed: int) -> tuple["UNet", View]:
        """Rebuild a segmentation network, in evaluation mode, and its view."""
        from strokeclock.segmentation.network import make_segmenter

        record = self.read_record(trained, seed)
        network = self._build(
            trained, seed, lambda record: make_segmenter(record.channels, **record.architecture)
        )
        return network, View.of(record.view)

    def read_record(self, trained: Trained, seed: int) -> TrainingRecord:
        """Read how a network was trained."""
        _, name = name_network(trained, seed)
        content = self.archive.read_json(name)
        try:
            record = parse_record(content, path=name)
        except CheckpointError:
            raise BundleError(
                f"Bundle {self.archive.path.name} holds a {name} of another format: export it again."
            ) from None
        if (record.net, record.phase, record.start, record.seed) != (*trained.scorer, seed):
            raise BundleError(f"Bundle {self.archive.path.name} holds a {name} of another network.")
        return record

    def _build(self, trained: Trained, seed: int, make: Callable[[TrainingRecord], Any]) -> Any:
        import torch
        from safetensors.torch import load

        record, (name, _) = self.read_record(trained, seed), name_network(trained, seed)

        def fill(content: bytes) -> Any:
            with torch.device("meta"):  # without weights, which would be drawn in vain
                network = make(record)
            network.load_state_dict(load(content), assign=True)
            return network.eval()

        return self.archive.parse(name, fill)

    def read_regression(self, trained: Trained, seed: int) -> Regression:
        """Read a regression."""
        name = name_regression(trained, seed)
        return self.archive.parse(name, lambda content: restore_regression(json.loads(content), path=name))

    @cached_property
    def reference(self) -> Reference | None:
        """The histogram reference; None: histograms are not matched."""
        if self.config["preprocessing"]["intensity"]["matching"] == NONE:
            return None
        return self.archive.parse(REFERENCE_ARRAYS, self._fill_reference)

    def _fill_reference(self, content: bytes) -> Reference:
        from safetensors.numpy import load

        arrays, facts = load(content), self.archive.read_json(REFERENCE)
        return Reference(
            patient="",
            part=GIVEN,
            settings=facts["settings"],
            targets={name: arrays[f"targets_{name}"] for name in facts["series"]},
            profile={name: arrays[f"profile_{name}"] for name in facts["series"]},
            sha256={},
        )

    def find_seen(self, scans: Mapping[str, str]) -> dict[str, list[str]]:
        """Return part -> a patient's series that were in the cohort, too; ``scans``: series -> digest."""
        key, seen = self.archive.parse(SEEN, read_seen)
        return find_seen(seen, key, scans)

    @contextmanager
    def atlas_files(self) -> Iterator[dict[str, Path]]:
        """Yield the atlas as files in a folder that is removed afterwards: name of `ATLAS` -> path."""
        with tempfile.TemporaryDirectory() as folder:
            files = {name: Path(folder, f"{name}.nii.gz") for name in ATLAS}
            for name, path in files.items():
                self.archive.extract(name_atlas(name), path)
            yield files


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle and check all of it but the self-test.

    Parameters
    ----------
    path
        The file, model.zip.

    Raises
    ------
    BundleError
        As `Archive`; or a file that describes the others is not whole, or one that they need is missing.
    """
    archive = Archive(path)
    recipe = archive.parse(RECIPE, Recipe.model_validate_json)
    summary = archive.parse(SUMMARY, Summary.model_validate_json)
    config = archive.parse(CONFIGURATION, _read_configuration)
    bundle = Bundle(archive, recipe, config, summary)
    for name in _list_needed(recipe, matches=config["preprocessing"]["intensity"]["matching"] != NONE):
        if name not in archive:
            raise BundleError(f"Bundle {archive.path.name} lacks {name}: export it again.")
    return bundle


def _read_configuration(content: bytes) -> dict[str, Any]:
    """The sections that reading needs, with the keys of this version."""
    config = json.loads(content)
    for section, key in (
        ("preprocessing", "intensity"),
        ("preprocessing", "toolchain"),
        ("models", "channels"),
    ):
        config[section][key]
    config["preprocessing"]["intensity"]["matching"], dict(config["quality"])
    return config


def _list_needed(recipe: Recipe, *, matches: bool) -> Iterator[str]:
    yield from (CARD, SEEN, *map(name_atlas, ATLAS))
    if matches:
        yield from (REFERENCE, REFERENCE_ARRAYS)
    for trained in recipe.trained:
        for seed in trained.seeds:
            yield from name_network(trained, seed)
    for trained in recipe.regressions:
        for seed in trained.seeds:
            yield name_regression(trained, seed)
