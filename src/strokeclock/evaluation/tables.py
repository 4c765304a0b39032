"""Shared by the tables beside Table 2: reading scorers and calls, names, rates, and writing a CSV."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.intervals import Interval, wilson_interval
from strokeclock.evaluation.metrics import Counts, auc
from strokeclock.evaluation.readers import read_readers, vote
from strokeclock.files import replacing
from strokeclock.models.registry import place_of
from strokeclock.predictions import (
    Scorer,
    ScorerPredictions,
    Tasks,
    check_against_cohort,
    collect_predictions,
)

KEY = ("stage", "model", "start")  # a row's, as in Table 2
FEWEST = 10  # of either class, for which a group is measured or a calibration line fitted
TOO_FEW = f"too few: fewer than {FEWEST} of a class"
NO_SHEET = "no reader sheet is configured (cohort.readers)"
NO_TARGET = "no phase 3 or 4 was run"  # whose target the readers have
SEVERAL = (list, tuple, dict, set, np.ndarray)  # are no cells; a Scorer, a named tuple, is one
RATES = ("sensitivity", "specificity", "accuracy")


def read_scorers(
    predictions: Iterable[str | Path], *, cohort: str | Path, split: str | Path, tasks: Tasks
) -> dict[Scorer, ScorerPredictions]:
    """Read a run's predictions, checked against each other and the cohort, in the order of Table 2.

    PredictionError where they contradict (`collect_predictions`, `check_against_cohort`).
    """
    scorers = collect_predictions(predictions, tasks=tasks)
    check_against_cohort(scorers.values(), cohort=cohort, split=split, tasks=tasks)
    return dict(sorted(scorers.items(), key=lambda item: _place(item[0])))


def choose_best(scorers: Iterable[ScorerPredictions]) -> ScorerPredictions:
    """Return the one with the highest AUC in the validation part; of equal ones, the first.

    Where that part has one class, none is better than another.
    """

    def validate(found: ScorerPredictions) -> float:
        units = found.units("validation")
        return auc(units.label, units.score) if len({*units.label}) > 1 else 0.0

    return max(scorers, key=validate)


def read_calls(
    readers: str | Path, *, cohort: str | Path, exclusions: str | Path, patients: Sequence[str]
) -> pd.DataFrame:
    """Each reader's calls of these patients, and the majority's; the sheet may hold further patients.

    ConfigurationError for any fault of the sheet (`read_readers`).
    """
    known = {*read_cohort(cohort)["patient"], *read_exclusions(exclusions)}
    calls = read_readers(readers, known=known, needed=patients)
    return calls.assign(majority=vote(calls))


def _place(scorer: Scorer) -> tuple:
    """By phase; the networks, then the baselines; from random weights first."""
    return scorer.phase, place_of(scorer.net), scorer.net, scorer.start != "random", scorer.start


def name_row(scorer: Scorer) -> dict[str, str]:
    return dict(zip(KEY, (scorer.phase, scorer.net, scorer.start), strict=True))


def name_target(below_min: float | None) -> str:
    """A task's target in words: "lesion", "TSS < 3 h", …"""
    return "lesion" if below_min is None else f"TSS < {below_min / 60:g} h"


def rate_columns(*names: str) -> tuple[str, ...]:
    """The columns of values with intervals: name, name_low, name_high."""
    return tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))


def with_interval(name: str, value: float, interval: Interval) -> dict[str, float]:
    """The cells of `rate_columns` for one value."""
    return {name: value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def rates(counts: Counts, *, confidence: float) -> dict[str, float]:
    """Sensitivity, specificity and accuracy with Wilson's intervals; NaN where no unit has the class."""
    cells = {
        "sensitivity": (counts.tp, counts.positives),
        "specificity": (counts.tn, counts.negatives),
        "accuracy": (counts.tp + counts.tn, counts.n),
    }
    return {
        column: value
        for name, (successes, n) in cells.items()
        for column, value in with_interval(
            name, getattr(counts, name), wilson_interval(successes, n, confidence=confidence)
        ).items()
    }


def write_table(output: str | Path, rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str]) -> None:
    """Write rows as CSV, whole or not at all. NaN and cells that a row lacks are blank.

    ValueError for a cell without a column, or of several values; the sentence names table and cell.
    """
    with replacing(output) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            _check_cells(row, columns, table=output)
            writer.writerow({name: _format(value) for name, value in row.items()})


def _check_cells(row: Mapping[str, Any], columns: Sequence[str], *, table: str | Path) -> None:
    for name, value in row.items():
        if name not in columns:
            raise ValueError(f"{table}: cell {name} has no column: add it to columns, or rename it")
        if type(value) in SEVERAL:
            raise ValueError(f"{table}: cell {name} is a {type(value).__name__}: give one number or text")


def _format(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.6g}"
    return str(value)
