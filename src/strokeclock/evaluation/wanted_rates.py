"""Sensitivity at a wanted specificity, and specificity at a wanted sensitivity.

Which score reaches a wanted rate (`metrics.threshold_at_rate`) is chosen where a row's threshold is: on the
validation part; for the radiomics baseline, on the cross-validated scores of the training and validation
parts. Whatever the configuration's `evaluation.threshold` says, it is never chosen on the test part. The
table says what the threshold achieves on the test part. What is read off the test part's own ROC curve
stands beside it, in columns named ``optimistic_…``.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strokeclock.cohort.parts import read_split
from strokeclock.evaluation.intervals import UNDEFINED, clustered_intervals
from strokeclock.evaluation.metrics import SENSITIVITY, SPECIFICITY, Counts, count, threshold_at_rate
from strokeclock.evaluation.operating import describe_units, read_rows
from strokeclock.evaluation.tables import (
    KEY,
    name_row,
    name_target,
    rate_columns,
    rates,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.fitted import write_fitted
from strokeclock.predictions import PAPER, Scorer, ScorerPredictions, Tasks, Units

WANTED_RATES = "wanted_rates"  # kind of file
WANTED = tuple((rate, wanted) for rate in (SPECIFICITY, SENSITIVITY) for wanted in (0.8, 0.85, 0.9))
RATES = (SENSITIVITY, SPECIFICITY)
COLUMNS = (
    *(*KEY, "target", "unit", "n", "positives", "rate", "wanted", "threshold", "threshold_source"),
    *rate_columns(*RATES),
    *(f"optimistic_{name}" for name in ("threshold", *RATES)),
    "note",
)
NOT_RUN = "not run: no row was predicted"
ONE_CLASS = "the part that thresholds are chosen on has one class only"
ONE_CLASS_ON_TEST = "the test part has one class only"
NOT_REACHED = (
    "no threshold: at the highest score of the part that thresholds are chosen on, too many are called"
)
NOT_REACHED_ON_TEST = "no optimistic threshold: at the highest score of the test part, too many are called"
CLUSTERED = "intervals from resampled patients"
NO_RANGE = "no interval of the {}: it is the same in all resamples"


class WantedRate(NamedTuple):
    """From which score on a row's units are called positive to reach a wanted rate.

    Attributes
    ----------
    rate : `SENSITIVITY` or `SPECIFICITY`.
    wanted : its least value on the patients that the threshold is chosen on.
    threshold : None where no observed score reaches it, or these patients have one class.
    source : "validation", or "cross-validation" (of training and validation, for the radiomics baseline).
    """

    rate: str
    wanted: float
    threshold: float | None
    source: str


def fit_wanted_rates(
    predictions: Iterable[str | Path],
    fitted: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    tasks: Tasks = PAPER,
) -> None:
    """Choose every row's threshold for each of `WANTED`, on its ensemble's score, and write them.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    fitted : path
        fitted/wanted_rates.json: rows under the key <net>/<phase>/<start>, as in thresholds.json.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort, or each other.
    FittedError
        A patient that is to be fitted on belongs to another part.
    """
    parts, rows = read_split(split), {}
    for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items():
        units = found.units(*found.fitting_parts)
        rows[str(scorer)] = {
            "below_min": tasks[scorer.phase],
            "seeds": list(found.seeds),
            "source": "cross-validation" if "train" in found.fitting_parts else "validation",
            "thresholds": [
                {"rate": rate, "wanted": wanted, "threshold": _choose(units, rate, wanted)}
                for rate, wanted in WANTED
            ],
            "fitted_on": describe_units(units, found.fitting_parts, split=parts),
        }
    write_fitted(fitted, {"rows": rows}, kind=WANTED_RATES)


def _choose(units: Units, rate: str, wanted: float) -> float | None:
    if len(set(units.label)) < 2:
        return None
    return threshold_at_rate(units.label, units.score, rate=rate, wanted=wanted)


def read_wanted_rates(
    path: str | Path, scorers: Mapping[Scorer, ScorerPredictions], *, tasks: Tasks = PAPER
) -> dict[Scorer, list[WantedRate]]:
    """Read the thresholds of these scorers, in the order of `WANTED`.

    Raises
    ------
    FittedError
        The file is damaged or foreign, lacks a scorer, or was fitted on other predictions of it.
    """
    _, rows = read_rows(path, WANTED_RATES, scorers, tasks)
    return {
        scorer: [WantedRate(**chosen, source=row["source"]) for chosen in row["thresholds"]]
        for scorer, row in rows.items()
    }


def write_wanted_rates(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    wanted_rates: str | Path,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write what each row's thresholds achieve on the test part, a row a row of Table 2 and wanted rate.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/wanted_rates.csv (`COLUMNS`). Intervals are Wilson's; in phase 1, where a patient has two
        hemispheres, they come from resampled patients.
    wanted_rates : path
        fitted/wanted_rates.json, of these predictions.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    rows = []
    for scorer, chosen in read_wanted_rates(wanted_rates, scorers, tasks=tasks).items():
        clustered = tasks[scorer.phase] is None
        row = name_row(scorer) | {"target": name_target(tasks[scorer.phase])}
        row["unit"] = "hemisphere" if clustered else "patient"
        rows += [row | found for found in _measure(scorers[scorer], chosen, settings, clustered=clustered)]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _measure(
    predictions: ScorerPredictions,
    chosen: Iterable[WantedRate],
    settings: Mapping[str, Any],
    *,
    clustered: bool,
) -> Iterator[dict[str, Any]]:
    test = predictions.units("test")
    validation = predictions.units(*predictions.fitting_parts)
    both = len(set(test.label)) == 2
    for rate, wanted, threshold, source in chosen:
        row: dict[str, Any] = {"n": len(test.label), "positives": int(test.label.sum())}
        row |= {"rate": rate, "wanted": wanted}
        notes = []
        if not both:
            notes.append(ONE_CLASS_ON_TEST)
        else:
            optimistic = threshold_at_rate(test.label, test.score, rate=rate, wanted=wanted)
            if optimistic is None:
                notes.append(NOT_REACHED_ON_TEST)
            else:
                at_best = count(test.label, test.score >= optimistic)
                row["optimistic_threshold"] = optimistic
                row |= {f"optimistic_{name}": getattr(at_best, name) for name in RATES}
        if threshold is None:
            notes.append(ONE_CLASS if len(set(validation.label)) < 2 else NOT_REACHED)
        else:
            row |= {"threshold": threshold, "threshold_source": source}
            row |= _achieve(test, threshold, settings, clustered=clustered)
            notes += _explain_intervals(row) if clustered else []
        yield row | {"note": "; ".join(notes)}


def _explain_intervals(row: Mapping[str, Any]) -> list[str]:
    alike = [name for name in RATES if np.isnan(row[f"{name}_low"]) and not np.isnan(row[name])]
    return [CLUSTERED, *(NO_RANGE.format(name) for name in alike)]


def _achieve(
    test: Units, threshold: float, settings: Mapping[str, Any], *, clustered: bool
) -> dict[str, float]:
    counts = count(test.label, test.score >= threshold)
    if clustered:
        return _resample(counts, test, threshold, settings)
    cells = rates(counts, confidence=settings["confidence"])
    return {name: cells[name] for name in rate_columns(*RATES)}


def _resample(counts: Counts, test: Units, threshold: float, settings: Mapping[str, Any]) -> dict[str, float]:
    found = clustered_intervals(
        test.label,
        test.score,
        patient=test.patient,
        threshold=threshold,
        confidence=settings["confidence"],
        bootstraps=settings["bootstraps"],
    )
    cells: dict[str, float] = {}
    for name in RATES:
        value = getattr(counts, name)
        cells |= with_interval(name, value, UNDEFINED if np.isnan(value) else found[name])
    return cells
