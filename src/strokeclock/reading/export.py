"""Export a run's bundle: collect, describe, test itself, write."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strokeclock import __version__
from strokeclock.bundle.archive import write_archive
from strokeclock.bundle.card import PATIENTS, PHANTOMS, write_card
from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.names import ATLAS, CARD
from strokeclock.bundle.pack import RunFiles, clean_configuration, collect, make_recipe
from strokeclock.bundle.summary import summarise
from strokeclock.predictions import Tasks
from strokeclock.provenance import digest_library, list_versions
from strokeclock.reading.self_test import make_self_test


def export_bundle(
    bundle: str | Path,
    *,
    models: Sequence[str | Path],
    regressions: Sequence[str | Path],
    thresholds: str | Path,
    temperatures: str | Path,
    abstention: str | Path,
    side: str | Path,
    predictions: Sequence[str | Path],
    table2: str | Path,
    calibration: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    protocol: str | Path,
    quality: str | Path,
    volumes: str | Path,
    manifest: str | Path,
    preprocessed: Sequence[str | Path],
    atlas: Sequence[str | Path],
    reference: str | Path | None = None,
    settings: Mapping[str, Any],
    config: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, str | None]],
    channels: Sequence[str],
    tasks: Tasks,
    phantom: Mapping[str, Any],
    threads: int,
    device: str,
) -> None:
    """Write a run's bundle, whole or not at all; the same run gives the same bytes.

    Parameters
    ----------
    bundle : path
        results/<run>/bundle/model.zip.
    models, regressions : paths
        models/<net>/<phase>/<start>/seed-<n>/model.pt, and fitted/<net>/<phase>/<start>[/seed-<n>].json, of
        all rows that may be in it.
    thresholds, temperatures, abstention, side, predictions, table2, calibration : paths
        Of the run.
    cohort, split, exclusions, protocol, quality, volumes, manifest, preprocessed, reference : paths
        Of the run; preprocessed are tables of batches.
    atlas : paths
        In the order of `names.ATLAS`.
    settings : mapping
        The configuration's section `bundle`.
    config : mapping
        The whole configuration.
    parts, channels, tasks
        See `pack.make_recipe`.
    phantom : mapping
        The defaults of the section `phantom`, for the self-test.
    threads, device
        Of torch.

    Raises
    ------
    StrokeclockError
        A file is damaged or of another run, or a row is not there.
    """
    files = RunFiles(
        models={_read_key(path.parent): path for path in map(Path, models)},
        regressions={_read_key(path): path for path in map(Path, regressions)},
        thresholds=Path(thresholds),
        temperatures=Path(temperatures),
        abstention=Path(abstention),
        side=Path(side),
        predictions=[*map(Path, predictions)],
        table2=Path(table2),
        calibration=Path(calibration),
        cohort=Path(cohort),
        split=Path(split),
        preprocessed=[*map(Path, preprocessed)],
        reference=Path(reference) if reference else None,
        atlas=dict(zip(ATLAS, map(Path, atlas), strict=True)),
    )
    series = config["models"]["channels"]
    recipe = make_recipe(
        files,
        rows=settings["rows"],
        parts=parts,
        tasks=tasks,
        channels=channels,
        series=series,
        coverage=settings["coverage"],
        confidence=config["evaluation"]["confidence"],
    )
    summary = summarise(
        cohort=cohort,
        split=split,
        exclusions=exclusions,
        protocol=protocol,
        quality=quality,
        volumes=volumes,
        manifest=manifest,
        series=series,
        limits=sorted({row.below_min for row in recipe.rows}),
    )
    facts = {
        **{key: settings[key] for key in ("name", "version", "licence")},
        "cohort": PATIENTS if config["cohort"]["sheet"] else PHANTOMS,
        "strokeclock": __version__,
        "code": digest_library(),
        "versions": list_versions(),
    }
    content = collect(files, recipe, summary=summary, config=config)
    card = write_card(recipe, summary, config=clean_configuration(config), facts=facts)
    content[CARD] = card.encode()
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, "draft.zip")
        write_archive(draft, content, facts=facts)
        content |= make_self_test(open_bundle(draft), settings=phantom, device=device, threads=threads)
    write_archive(bundle, content, facts=facts)


def _read_key(path: Path) -> tuple[str, str, str, int]:
    """Return (net, phase, start, seed) of …/<net>/<phase>/<start>/seed-<n>, or of …/<start>.json, seed 0."""
    place = path.with_suffix("")
    if not place.name.startswith("seed-"):
        place = place / "seed-0"
    net, phase, start, seed = place.parts[-4:]
    return net, phase, start, int(seed.removeprefix("seed-"))
