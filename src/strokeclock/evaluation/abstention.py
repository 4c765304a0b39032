"""Leaving the doubtful patients to people: a band of scores around the threshold in which nothing is said.

Two measures of certainty in the ensemble's log odds, where a temperature scales everything alike and so would
hardly change who is answered: "margin", the distance to the row's threshold; "spread", that distance in
standard deviations of the single seeds' log odds. The band's width is chosen on the validation part, so that
a given share of its patients is answered, and judged on the test part. The answer is Table 2's.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.metrics import count
from strokeclock.evaluation.operating import MARGIN, SPREAD, Bands, certainty, read_bands
from strokeclock.evaluation.tables import (
    KEY,
    RATES,
    name_row,
    name_target,
    rate_columns,
    rates,
    read_arms,
    with_interval,
    write_table,
)
from strokeclock.models.registry import networks
from strokeclock.predictions import PAPER, ArmPredictions, Tasks, Units

COLUMNS = (
    *("target", *KEY, "seeds", "certainty", "coverage", "cut", "n", *rate_columns("answered")),
    *("tp", "fn", "tn", "fp", *rate_columns(*RATES), "accuracy_unanswered", "note"),
)
ONE_SEED = "needs 2 seeds or more"
ONE_CLASS = "not run: the part that chooses the threshold has one class only"
NOT_RUN = "not run: no phase that asks for the time was run"


def write_abstention(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    abstention: str | Path,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write what each network that tells time says where it may abstain, a row a certainty and coverage.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run.
    table : path
        tables/abstention.csv (`COLUMNS`): coverage is the share of validation patients that the cut answers,
        answered that of the test patients; rates are of the answered, accuracy_unanswered of the others.
    abstention : path
        fitted/abstention.json, of these predictions.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: confidence.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    arms = {
        arm: found
        for arm, found in read_arms(predictions, cohort=cohort, split=split, tasks=tasks).items()
        if arm.net in networks() and tasks[arm.phase] is not None
    }
    rows = []
    for arm, bands in read_bands(abstention, arms, tasks=tasks).items():
        key = {"target": name_target(tasks[arm.phase]), **name_row(arm), "seeds": len(arms[arm].seeds)}
        rows += [key | row for row in _rows(arms[arm], bands, settings["confidence"])]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(predictions: ArmPredictions, bands: Bands, confidence: float) -> Iterator[dict[str, Any]]:
    test, (threshold, source) = predictions.units("test"), bands.threshold
    if threshold is None:
        yield {"note": ONE_CLASS}
        return
    for measure in (MARGIN, SPREAD):
        if measure not in bands.cuts:
            yield {"certainty": measure, "note": ONE_SEED}
            continue
        here = certainty(test, threshold, measure=measure)
        for coverage, cut in bands.cuts[measure].items():
            yield {
                "certainty": measure,
                "coverage": coverage,
                "cut": cut,
                **_measure(test, test.score >= threshold, here >= cut, confidence),
                "note": "" if source == "validation" else f"threshold: {source}",
            }


def _measure(test: Units, called: np.ndarray, answered: np.ndarray, confidence: float) -> dict[str, Any]:
    counts = count(test.label[answered], called[answered])
    left = count(test.label[~answered], called[~answered])
    share = wilson_interval(counts.n, len(test.label), confidence=confidence)
    return {
        "n": len(test.label),
        **with_interval("answered", counts.n / len(test.label), share),
        **counts._asdict(),
        **rates(counts, confidence=confidence),
        "accuracy_unanswered": left.accuracy,
    }
