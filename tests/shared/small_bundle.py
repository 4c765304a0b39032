"""A bundle of small untrained networks, made as a run's is made, for the tests of bundle and reading."""

from dataclasses import dataclass

import numpy as np
import torch
import yaml

from strokeclock.baselines.regression import Regression, write_regression
from strokeclock.bundle.archive import write_archive
from strokeclock.bundle.card import write_card
from strokeclock.bundle.names import CARD
from strokeclock.bundle.pack import RunFiles, clean_configuration, collect
from strokeclock.bundle.recipe import Bin, FittedOn, Operating, Recipe, Row, SideRule, Trained
from strokeclock.bundle.summary import Summary
from strokeclock.fitted import describe_fit
from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.models.architecture import Architecture
from strokeclock.models.registry import find_network, segmenting_network
from strokeclock.models.view import View
from strokeclock.predictions import Scorer
from strokeclock.segmentation.network import make_segmenter
from strokeclock.segmentation.ratios import name_measures
from strokeclock.training.checkpoint import write_checkpoint
from strokeclock.training.phases import PAPER, SEGMENTATION
from strokeclock.training.record import TrainingRecord

GRID = (56, 56, 26)
SERIES = ("dwi", "t2w", "flair")
SEEDS = (0, 1)
FACTS = {
    "name": "small",
    "version": "1",
    "licence": "CC0-1.0",
    "cohort": "phantoms",
    "strokeclock": "0.1.0",
    "code": "0" * 16,
    "versions": {"torch": "2.13.0", "snakemake": "1.0"},
}
OPERATING = Operating(
    threshold=0.5,
    source="validation",
    temperature=2.0,
    coverage=0.8,
    cut=0.001,
    fitted_on=FittedOn(parts=["validation"], patients=40, units=40, positives=20),
    bins=[
        Bin(lowest=0.1, highest=0.48, n=20, positives=5),
        Bin(lowest=0.49, highest=0.9, n=20, positives=15),
    ],
    confidence=0.95,
)


@dataclass(frozen=True)
class Size:
    """How large the bundle's networks are, and what they see: ``average`` as models.average."""

    grid: tuple = GRID
    seeds: tuple = SEEDS
    widths: tuple = (4, 4, 2)  # of the 2D network, the 3D network and the segmentation network
    box: tuple | None = None
    average: tuple = (1, 1, 1)

    @property
    def view(self):
        return {"box": self.box, "average": self.average}


SMALL = Size()


def make_checkpoints(folder, size=SMALL):
    """Write untrained networks of all seeds: (net, phase, start, seed) -> model.pt."""
    flat, deep, segmenting = size.widths
    rows = (
        ("2d", "phase1_stroke", "random", flat),
        ("3d", "phase1_stroke", "random", deep),
        ("3d", "phase3_tss4h5", "phase1", deep),
    )
    models = {}
    for net, phase, start, width in rows:
        for seed in size.seeds:
            settings = {"net": net, "grid": (size.grid[0] // 2, *size.grid[1:]), "attention": False}
            settings |= {"attention_norm": "sigmoid", "standardise": True}
            architecture = Architecture.flat(
                **settings | find_network(net).defaults | {"width": width}, view=View.of(size.view)
            )
            torch.manual_seed(seed + 10)
            models[net, phase, start, seed] = _write(
                folder,
                (net, phase, start, seed),
                architecture.build(),
                architecture.record,
                PAPER[phase],
                size,
            )
    for seed in size.seeds:
        key = (segmenting_network(), SEGMENTATION, "random", seed)
        torch.manual_seed(seed)
        record = {"width": segmenting, "standardise": True}
        models[key] = _write(folder, key, make_segmenter(SERIES, **record), record, None, size)
    return models


def _write(folder, key, network, architecture, task, size):
    net, phase, start, seed = key
    path = folder / f"models/{net}/{phase}/{start}/seed-{seed}/model.pt"
    record = TrainingRecord(
        net=net,
        phase=phase,
        start=start,
        seed=seed,
        architecture=architecture,
        channels=SERIES,
        view=size.view,
        participants={"train": ["DOE-JOHN"], "validation": ["ROE-JANE"]},
        data={},
        versions={"torch": "2.13.0"},
        task=task,
    )
    write_checkpoint(path, weights=network.state_dict(), record=record)
    return path


def make_regressions(folder, size=SMALL):
    """Write the regressions of the segmented ratios of two seeds: (net, phase, start, seed) -> file."""
    row, inputs = Scorer("segmentation", "phase3_tss4h5", "ratios"), name_measures(SERIES)
    found = {}
    for seed in size.seeds:
        path = folder / f"fitted/{'/'.join(row)}/seed-{seed}.json"
        count = len(inputs)
        regression = Regression(
            inputs=inputs,
            imputation=(0.0,) * count,
            means=(0.1,) * count,
            scales=(0.5,) * count,
            powers=tuple(map(tuple, np.eye(count, dtype=int).tolist())),
            coefficients=(0.3, -0.2, 0.5, 0.01 * (seed + 1)),
            intercept=0.1,
        )
        fitted_on = describe_fit(["a", "b"], [0, 1], np.eye(2), parts=["train"], split={"train": ["a", "b"]})
        write_regression(path, regression, row=row, below_min=270.0, fitted_on=fitted_on, series=list(SERIES))
        found[(*row, seed)] = path
    return found


def make_recipe(size=SMALL, **changes):
    """The recipe of the small bundle: segmented ratios joined with the 3D network, and the ratios alone."""
    seeds = size.seeds
    network = Trained(net="3d", phase="phase3_tss4h5", start="phase1", seeds=seeds)
    ratios = Trained(net="segmentation", phase="phase3_tss4h5", start="ratios", seeds=seeds)
    joined = Trained(net="segmentation", phase="phase3_tss4h5", start="3d", seeds=seeds)
    detectors = [Trained(net=net, phase="phase1_stroke", start="random", seeds=seeds) for net in ("2d", "3d")]
    known = {
        "title": "segmented ratios",
        "below_min": 270.0,
        "operating": OPERATING,
        "development": {"n": 80.0, "auc": 0.8},
        "calibration": {"as predicted": {"brier": 0.2, "slope": 0.9, "slope_low": 0.5}},
    }
    parts = {
        "rows": [
            Row(row=joined, network=network, regression=ratios, **known),
            Row(row=ratios, network=None, regression=ratios, **known),
        ],
        "side": SideRule(
            networks=detectors,
            threshold=0.0,
            margin=0.0,
            fitted_on=FittedOn(parts=["validation"], patients=40, units=80, positives=40),
        ),
        "segmentation": Trained(net=segmenting_network(), phase=SEGMENTATION, start="random", seeds=seeds),
        "series": list(SERIES),
        "contralateral": False,
    }
    return Recipe(**parts | changes)


def make_summary(**changes):
    """A summary without any range."""
    parts = {"train": 50, "validation": 40, "test": 80}
    empty = {"case_mix": {}, "shares": {}, "quality": {}, "intensities": {}, "protocol": {}, "texts": {}}
    known = {"patients": parts, "excluded": {"quality": 2}, "with_onset": parts, "below": {"270": parts}}
    return Summary(**known | empty | changes)


def make_config(root, size=SMALL):
    """The shipped configuration on a small grid, with what must not leave a hospital."""
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config["preprocessing"] |= {"toolchain": "open", "grid": [*size.grid], "head_of": {"DOE-JOHN": "whole"}}
    config["cohort"] |= {"sheet": "/data/St. Mary/stroke.tsv", "exclude": {"ROE-JANE": "withdrew"}}
    config["split"]["external"] = {"site": ["St. Mary"]}
    config["quality"]["verdicts"] = "/data/St. Mary/verdicts.tsv"
    config["run"] = "st-mary"
    return config


def make_files(folder, root, *, size=SMALL, recipe=None, summary=None):
    """Return the files of the bundle, name -> content, without a self-test."""
    atlas = {name: folder / f"atlas/{name}.nii.gz" for name in ATLAS_FILES}
    if not atlas["grid"].exists():
        atlas["grid"].parent.mkdir(parents=True, exist_ok=True)
        build_atlas(source="nilearn", grid=size.grid, outputs=atlas)
    split = folder / "split.tsv"
    split.write_text("patient\tpart\nDOE-JOHN\ttrain\n")
    unused = folder / "unused"
    files = RunFiles(
        models=make_checkpoints(folder, size),
        regressions=make_regressions(folder, size),
        thresholds=unused,
        temperatures=unused,
        abstention=unused,
        side=unused,
        predictions=[],
        table2=unused,
        calibration=unused,
        cohort=unused,
        split=split,
        preprocessed=[],
        reference=None,
        atlas=atlas,
    )
    recipe, summary = recipe or make_recipe(size), summary or make_summary()
    config = make_config(root, size)
    content = collect(files, recipe, summary=summary, config=config)
    content[CARD] = write_card(recipe, summary, config=clean_configuration(config), facts=FACTS).encode()
    return content


def write_bundle(path, content, **facts):
    """Write the bundle; facts change those of the manifest."""
    write_archive(path, content, facts=FACTS | facts)
    return path
