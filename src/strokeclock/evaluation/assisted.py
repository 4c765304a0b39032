"""The readers without and with the model: does a reader call better after seeing the model's answer?

Each reader's two calls are of the same test patients, against TSS < 4.5 h. Differences are the value with the
model minus that without. Their intervals and tests are paired: McNemar's exact test, with the interval of
Bonett and Price (`comparison.mcnemar_test`); for sensitivity among the patients under 4.5 h, for specificity
among the others. p-values are not corrected for the number of readers. The agreement of the readers, Fleiss'
kappa, stands in the row of their majority.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.comparison import mcnemar_test
from strokeclock.evaluation.metrics import count
from strokeclock.evaluation.readers import measure_agreement, read_assisted_readers, vote
from strokeclock.evaluation.tables import (
    NO_SHEET,
    NO_TARGET,
    RATES,
    name_target,
    rate_columns,
    rates,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, Tasks, select_reader_target

WITH, DIFFERENCE = "{}_with_model", "{}_difference"
KAPPAS = ("kappa", WITH.format("kappa"))
COLUMNS = (
    *("reader", "target", "n", "positives"),
    *(
        column
        for name in RATES
        for column in (*rate_columns(name, WITH.format(name), DIFFERENCE.format(name)), f"{name}_p")
    ),
    *("changed", "to_right", "to_wrong", *rate_columns(*KAPPAS), "note"),
)
MAJORITY = "majority"
NO_COLUMNS = "the reader sheet has no calls with the model (columns reader1_with_model, …)"
NO_COLUMN = "the reader sheet has no column {}_with_model"
NOT_ALL = "not every reader called with the model, so there is no majority with it"
NO_KAPPA = "{} undefined: all calls are the same"


def write_readers(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write the readers' calls on the test part without and with the model, a row a reader, and the majority.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, which tell the test patients of TSS < 4.5 h and their labels.
    table : path
        tables/readers.csv (`COLUMNS`). ``changed`` counts the calls that differ with the model; ``to_right``
        and ``to_wrong`` those that became right or wrong. Where the sheet has no calls with the model, only
        the cells without it are filled.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv.
    readers : path or None
        The reader sheet.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, ConfigurationError
        The predictions or the reader sheet contradict the cohort, or each other.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    truth = select_reader_target(scorers, tasks=tasks)
    rows: Iterable[dict[str, Any]] = [{"note": f"not run: {NO_SHEET if truth else NO_TARGET}"}]
    if truth and readers:
        known = {*read_cohort(cohort)["patient"], *read_exclusions(exclusions)}
        calls = read_assisted_readers(readers, known=known, needed=truth.patient.tolist())
        rows = list_readers(*calls, truth.label, settings)
    target = {"target": name_target(READER_THRESHOLD_MIN)}
    write_table(table, [target | row for row in rows], columns=COLUMNS)


def list_readers(
    alone: pd.DataFrame, assisted: pd.DataFrame, label: np.ndarray, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield a row of the table for each reader, and for the majority.

    Parameters
    ----------
    alone, assisted : (patients, readers) of 0 and 1
        The calls without and with the model; assisted may lack readers.
    label : (patients,) of 0 and 1
    settings : confidence, bootstraps.
    """
    for name in alone:
        row = {"reader": name} | _measure(label, alone[name].to_numpy(), settings)
        if name in assisted:
            yield row | _compare(label, alone[name].to_numpy(), assisted[name].to_numpy(), settings)
        else:
            yield row | {"note": NO_COLUMN.format(name) if len(assisted.columns) else NO_COLUMNS}
    row = {"reader": MAJORITY} | _measure(label, vote(alone), settings)
    notes = []
    if is_whole := list(assisted) == list(alone):
        row |= _compare(label, vote(alone), vote(assisted), settings)
    else:
        notes.append(NOT_ALL if len(assisted.columns) else NO_COLUMNS)
    if len(alone.columns) > 1:
        agreed = zip(KAPPAS, [alone, assisted] if is_whole else [alone], strict=False)
        for name, calls in agreed:
            value, interval = measure_agreement(
                calls, confidence=settings["confidence"], bootstraps=settings["bootstraps"]
            )
            row |= with_interval(name, value, interval)
            notes += [NO_KAPPA.format(name.replace("_", " "))] if np.isnan(value) else []
    yield row | {"note": "; ".join(notes)}


def _measure(label: np.ndarray, called: np.ndarray, settings: Mapping[str, Any]) -> dict[str, Any]:
    counts = count(label, called)
    cells = rates(counts, confidence=settings["confidence"])
    return {"n": counts.n, "positives": counts.positives, **cells}


def _compare(
    label: np.ndarray, alone: np.ndarray, assisted: np.ndarray, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The cells with the model, of one reader."""
    with_model = rates(count(label, assisted), confidence=settings["confidence"])
    row: dict[str, Any] = {
        f"{WITH.format(name)}{end}": with_model[f"{name}{end}"]
        for name in RATES
        for end in ("", "_low", "_high")
    }
    right, right_with = alone == label, assisted == label
    for name, among in zip(RATES, (label == 1, label == 0, np.ones(len(label), bool)), strict=True):
        if among.any():
            found = mcnemar_test(right_with[among], right[among], confidence=settings["confidence"])
            row |= with_interval(DIFFERENCE.format(name), found.value, found.interval)
            row[f"{name}_p"] = found.p
    row["changed"] = int((alone != assisted).sum())
    row["to_right"] = int((right_with & ~right).sum())
    row["to_wrong"] = int((right & ~right_with).sum())
    return row
