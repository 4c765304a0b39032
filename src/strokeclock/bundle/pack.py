"""Collect what a bundle holds from a run's files: everything fitted, and nobody's name, path or label."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.baselines.regression import KIND, restore_regression
from strokeclock.bundle.archive import BundleError, dump_json
from strokeclock.bundle.names import (
    ATLAS,
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
from strokeclock.bundle.recipe import Bin, FittedOn, Operating, Recipe, Row, SideRule, Trained
from strokeclock.bundle.summary import Summary
from strokeclock.bundle.tokens import make_key, write_seen
from strokeclock.cohort.parts import read_parts
from strokeclock.evaluation.calibration import MOST_BINS, UNITS_PER_BIN
from strokeclock.evaluation.external.frozen import CALIBRATION
from strokeclock.evaluation.operating import MARGIN, read_bands, read_temperatures, read_thresholds
from strokeclock.evaluation.side import read_side
from strokeclock.evaluation.tables import choose_best, name_row, read_scorers
from strokeclock.figures.rows import title_of
from strokeclock.fitted import read_fitted
from strokeclock.imaging.quality_record import read_all_findings
from strokeclock.imaging.reference import read_reference
from strokeclock.models.channels import has_contralateral
from strokeclock.predictions import READER_THRESHOLD_MIN, Scorer, ScorerPredictions, Tasks, Units
from strokeclock.report.tables import hide_folders
from strokeclock.training.phases import SEGMENTATION

BEST = "best"
_DEVELOPMENT = ("n", "positives", "auc", "sensitivity", "specificity", "accuracy", "threshold", "accesses")
_ENDS = ("", "_low", "_high")
# What says nothing of the model.
_LEFT_OUT = ("run", "container", "bundle", "reading", "external", "phantom", "report")
# Keys that name patients, hospitals or the user's own files.
_BLANKED: Mapping[tuple[str, str], Any] = {
    ("cohort", "sheet"): None,
    ("cohort", "readers"): None,
    ("cohort", "exclude"): {},
    ("split", "external"): {},
    ("split", "file"): None,
    ("preprocessing", "head_of"): {},
    ("quality", "verdicts"): None,
}


@dataclass(frozen=True, kw_only=True)
class RunFiles:
    """The files of a run that a bundle is made from.

    Attributes
    ----------
    models : (net, phase, start, seed) -> model.pt.
    regressions : (net, phase, start, seed) -> fitted file.
    thresholds, temperatures, abstention, side : fitted files.
    predictions : prediction files of the run.
    table2, calibration : tables/table2.csv and calibration.csv.
    cohort, split : tables of the run.
    preprocessed : tables of the batches' files (`batches`), with findings where there are raw series.
    reference : hemispheres/reference.npz; None: histograms are not matched.
    atlas : name of `names.ATLAS` -> image.
    """

    models: Mapping[tuple[str, str, str, int], Path]
    regressions: Mapping[tuple[str, str, str, int], Path]
    thresholds: Path
    temperatures: Path
    abstention: Path
    side: Path
    predictions: Sequence[Path]
    table2: Path
    calibration: Path
    cohort: Path
    split: Path
    preprocessed: Sequence[Path]
    reference: Path | None
    atlas: Mapping[str, Path]


def choose_rows(
    scorers: Mapping[Scorer, ScorerPredictions],
    rows: str | Sequence[str],
    *,
    parts: Mapping[str, Mapping[str, str | None]],
    tasks: Tasks,
) -> list[Scorer]:
    """Choose the rows of a bundle; the first is its headline.

    Parameters
    ----------
    rows : names <net>/<phase>/<start>, the headline first; best: the one with the highest AUC in the
        validation part of those of TSS < 4.5 h, or of the longest time where there is no such task. Of
        equal ones, the first in Table 2.
    parts : row -> what it is made of; rows that a bundle can hold.

    Raises
    ------
    BundleError
        There is no such row.
    """
    possible = {str(scorer): scorer for scorer in scorers if str(scorer) in parts}
    if not isinstance(rows, str):
        if missing := [row for row in rows if row not in possible]:
            raise BundleError(
                f"Configuration key bundle.rows names {missing[0]}, which this run does not have or a bundle "
                f"cannot hold: use {', '.join(possible)}, or best."
            )
        return [possible[row] for row in rows]
    limits = {tasks[scorer.phase] for scorer in possible.values()}
    if not possible:
        raise BundleError("This run has no row of a time task that a bundle can hold: train a time task.")
    wanted = READER_THRESHOLD_MIN if READER_THRESHOLD_MIN in limits else max(filter(None, limits))
    best = choose_best(scorers[scorer] for scorer in possible.values() if tasks[scorer.phase] == wanted)
    return [best.scorer]


def make_recipe(
    files: RunFiles,
    *,
    rows: str | Sequence[str],
    parts: Mapping[str, Mapping[str, str | None]],
    tasks: Tasks,
    channels: Sequence[str],
    series: Sequence[str],
    coverage: float,
    confidence: float,
) -> Recipe:
    """Make the recipe of a bundle from a run's frozen numbers.

    Parameters
    ----------
    rows, parts, tasks
        See `choose_rows`; a row's parts are {"network": row or None, "regression": row or None}.
    channels, series : of the networks, and of a hemisphere.
    coverage : the share of the validation patients who are answered.

    Raises
    ------
    BundleError, PredictionError, FittedError
        A row is not there, or files are not those of one run.
    """
    scorers = read_scorers(files.predictions, cohort=files.cohort, split=files.split, tasks=tasks)
    chosen = choose_rows(scorers, rows, parts=parts, tasks=tasks)
    picked = {scorer: scorers[scorer] for scorer in chosen}
    thresholds = read_thresholds(files.thresholds, picked, tasks=tasks).rows
    temperatures = read_temperatures(files.temperatures, picked, tasks=tasks)
    bands = read_bands(files.abstention, picked, tasks=tasks)
    fitted = read_fitted(files.thresholds, kind="thresholds")["rows"]
    made = []
    for scorer, found in picked.items():
        own, below_min = parts[str(scorer)], tasks[scorer.phase]
        assert below_min is not None
        cuts = bands[scorer].cuts.get(MARGIN, {})
        if thresholds[scorer].value is not None and coverage not in cuts:
            raise BundleError(
                f"Configuration key bundle.coverage is {coverage:g}: use one of "
                f"{', '.join(f'{one:g}' for one in cuts)}."
            )
        made.append(
            Row(
                row=_trained(scorer, found.seeds),
                title=title_of(scorer.net, scorer.start),
                below_min=below_min,
                network=_trained(own["network"], found.seeds),
                regression=_trained(own["regression"], found.seeds),
                operating=Operating(
                    threshold=thresholds[scorer].value,
                    source=thresholds[scorer].source,
                    temperature=temperatures[scorer],
                    coverage=coverage,
                    cut=cuts.get(coverage),
                    fitted_on=_count(fitted[str(scorer)]["fitted_on"]),
                    bins=_bin(found.units(*found.fitting_parts)),
                    confidence=confidence,
                ),
                development=_read_development(files.table2, scorer),
                calibration=_read_calibration(files.calibration, scorer),
            )
        )
    segmentation = sorted(key for key in files.models if key[1] == SEGMENTATION)
    return Recipe(
        rows=made,
        side=_make_side(files.side),
        segmentation=_trained(Scorer(*segmentation[0][:3]), [key[3] for key in segmentation])
        if segmentation
        else None,
        series=[*series],
        contralateral=has_contralateral(channels),
    )


def _trained(row: Scorer | str | None, seeds: Iterable[int]) -> Any:
    if row is None:
        return None
    net, phase, start = row.split("/") if isinstance(row, str) else row
    return Trained(net=net, phase=phase, start=start, seeds=tuple(seeds))


def _count(fitted_on: Mapping[str, Any] | None) -> FittedOn | None:
    if fitted_on is None:
        return None
    counts = {key: fitted_on[key] for key in ("patients", "units", "positives")}
    return FittedOn(parts=[*fitted_on["parts"]], **counts)


def _make_side(path: Path) -> SideRule | None:
    point, content = read_side(path)
    if point is None:
        return None
    networks = [_trained(row, seeds) for row, seeds in content["rows"].items()]
    fitted_on = _count(content["fitted_on"])
    assert fitted_on is not None
    return SideRule(networks=networks, threshold=point.threshold, margin=point.margin, fitted_on=fitted_on)


def _bin(units: Units) -> list[Bin]:
    """Bins of equal size in order of score, as a calibration plot has them; none where there is one class."""
    if len({*units.label}) < 2:
        return []
    order = np.argsort(units.score, kind="stable")
    count = int(np.clip(len(order) // UNITS_PER_BIN, 1, MOST_BINS))
    return [
        Bin(
            lowest=round(float(units.score[part].min()), 3),
            highest=round(float(units.score[part].max()), 3),
            n=len(part),
            positives=int(units.label[part].sum()),
        )
        for part in np.array_split(order, count)
    ]


def _read_development(table2: Path, scorer: Scorer) -> dict[str, float | str]:
    """The row's results in the test part of its own run."""
    for line in _lines_of(table2, scorer):
        return {**_numbers(line, _DEVELOPMENT)}
    raise BundleError(f"{table2} lacks the row {scorer}: delete it and run again.")


def _read_calibration(calibration: Path, scorer: Scorer) -> dict[str, dict[str, float]]:
    """How the row's scores were calibrated there: kind of scores -> name -> value."""
    return {line["scores"]: _numbers(line, CALIBRATION) for line in _lines_of(calibration, scorer)}


def _lines_of(table: Path, scorer: Scorer) -> list[dict[str, str]]:
    wanted = name_row(scorer)
    with open(table, newline="", encoding="utf-8") as file:
        return [
            line for line in csv.DictReader(file) if all(line[key] == value for key, value in wanted.items())
        ]


def _numbers(line: Mapping[str, str], names: Iterable[str]) -> dict[str, float]:
    """Those of a line of a table that are there, with the ends of their intervals."""
    wanted = (f"{name}{end}" for name in names for end in _ENDS)
    return {name: float(line[name]) for name in wanted if line.get(name)}


def collect(
    files: RunFiles, recipe: Recipe, *, summary: Summary, config: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the files of a bundle, without its model card and self-test: name -> content.

    Raises
    ------
    CheckpointError, FittedError, BundleError
        A file is damaged, or is not there.
    """
    content = {
        RECIPE: dump_json(recipe.as_json()),
        SUMMARY: dump_json(summary.model_dump(mode="json")),
        CONFIGURATION: dump_json(clean_configuration(config)),
        **{name_atlas(name): Path(files.atlas[name]).read_bytes() for name in ATLAS},
        **_collect_reference(files.reference),
    }
    weights: dict[str, bytes] = {}
    for trained in recipe.trained:
        for seed in trained.seeds:
            path = _find(files.models, trained, seed)
            name, record = name_network(trained, seed)
            weights[name], content[record] = convert_checkpoint(path)
    for trained in recipe.regressions:
        for seed in trained.seeds:
            path = _find(files.regressions, trained, seed)
            content[name_regression(trained, seed)] = convert_regression(path)
    key = make_key(weights[name] for name in sorted(weights))
    content[SEEN] = write_seen(key, _list_scans(files))
    return content | weights


def _find(paths: Mapping[tuple[str, str, str, int], Path], trained: Trained, seed: int) -> Path:
    key = (*trained.scorer, seed)
    if key not in paths:
        raise BundleError(f"The run lacks {'/'.join(trained.scorer)}/seed-{seed}: train it.")
    return paths[key]


def convert_checkpoint(path: str | Path) -> tuple[bytes, bytes]:
    """Return a checkpoint's weights as safetensors and its record as JSON without the patients."""
    from safetensors.torch import save

    from strokeclock.training.checkpoint import read_checkpoint

    record, weights, _ = read_checkpoint(path)
    return save(weights), dump_json(replace(record, participants={}).to_json())


def convert_regression(path: str | Path) -> bytes:
    """Return the numbers of a fitted regression, without digests of patients."""
    content = read_fitted(path, kind=KIND)
    restore_regression(content, path=path)
    fitted_on = _count(content["fitted_on"])
    kept = {key: content[key] for key in ("row", "below_min", "series", "regression", "versions")}
    return dump_json(kept | {"fitted_on": fitted_on.model_dump() if fitted_on else None})


def _collect_reference(path: Path | None) -> dict[str, bytes]:
    """The histogram reference without its patient."""
    if path is None:
        return {}
    from safetensors.numpy import save

    reference = read_reference(path)
    if reference is None:
        raise BundleError("The run has no histogram reference, because no training patient is left.")
    arrays = {
        f"{kind}_{name}": np.ascontiguousarray(getattr(reference, kind)[name])
        for kind in ("targets", "profile")
        for name in reference.targets
    }
    facts = {"settings": dict(reference.settings), "series": [*reference.targets]}
    return {REFERENCE_ARRAYS: save(arrays), REFERENCE: dump_json(facts)}


def _list_scans(files: RunFiles) -> dict[str, list[str]]:
    """Part -> the digests of its patients' raw scans; empty for patients without raw series."""
    parts = read_parts(files.split)
    scans: dict[str, list[str]] = {}
    for patient, found in read_all_findings(files.preprocessed).items():
        if part := parts.get(patient):
            scans.setdefault(part, []).extend(found.scans.values())
    return scans


def clean_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's sections that describe the model, without paths, patients and hospitals."""
    cleaned = json.loads(json.dumps({key: value for key, value in config.items() if key not in _LEFT_OUT}))
    for (section, key), blank in _BLANKED.items():
        cleaned[section][key] = blank
    cleaned["preprocessing"]["intensity"]["reference"] = None
    return _map_texts(cleaned, hide)


def hide(text: str) -> str:
    """Return a text without folders: of a path, relative ones too, the file's name alone."""
    return Path(hide_folders(text)).name


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _map_texts(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_map_texts(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value
