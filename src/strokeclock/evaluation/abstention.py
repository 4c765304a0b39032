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

from strokeclock.evaluation.calibration import logit
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.metrics import count
from strokeclock.evaluation.table2 import choose_threshold
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
from strokeclock.predictions import PAPER, ArmPredictions, Tasks, Units
from strokeclock.training.phases import NETWORKS

MARGIN, SPREAD = "margin", "spread"
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
COLUMNS = (
    *("target", *KEY, "seeds", "certainty", "coverage", "cut", "n", *rate_columns("answered")),
    *("tp", "fn", "tn", "fp", *rate_columns(*RATES), "accuracy_unanswered", "note"),
)
ONE_SEED = "needs 2 seeds or more"
ONE_CLASS = "not run: the part that chooses the threshold has one class only"
NOT_RUN = "not run: no phase that asks for the time was run"


def write_abstention(
    predictions: Iterable[str | Path],
    output: str | Path,
    *,
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
    output : path
        tables/abstention.csv (`COLUMNS`): coverage is the share of validation patients that the cut answers,
        answered that of the test patients; rates are of the answered, accuracy_unanswered of the others.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: threshold, fixed_threshold, confidence.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    """
    rows = []
    for arm, found in read_arms(predictions, cohort=cohort, split=split, tasks=tasks).items():
        if arm.net in NETWORKS and tasks[arm.phase] is not None:
            key = {"target": name_target(tasks[arm.phase]), **name_row(arm), "seeds": len(found.seeds)}
            rows += [key | row for row in _rows(found, settings)]
    write_table(output, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def certainty(units: Units, threshold: float, *, measure: str) -> np.ndarray:
    """How sure the ensemble is of its answer, (n,): `MARGIN`, or with 2 seeds or more `SPREAD`."""
    margin = np.abs(logit(units.score) - logit(threshold))
    if measure == MARGIN:
        return margin
    with np.errstate(divide="ignore", invalid="ignore"):  # seeds that agree are sure
        return np.nan_to_num(margin / logit(units.scores).std(axis=1, ddof=1), nan=0.0)


def _rows(predictions: ArmPredictions, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    validation, test = predictions.units("validation"), predictions.units("test")
    assert not np.isin(validation.patient, test.patient).any()
    try:
        threshold, source = choose_threshold(predictions, settings)
    except ValueError:
        yield {"note": ONE_CLASS}
        return
    for measure in (MARGIN, SPREAD):
        if measure == SPREAD and len(predictions.seeds) < 2:
            yield {"certainty": measure, "note": ONE_SEED}
            continue
        here = certainty(test, threshold, measure=measure)
        for coverage in COVERAGES:
            cut = _choose_cut(certainty(validation, threshold, measure=measure), coverage)
            yield {
                "certainty": measure,
                "coverage": coverage,
                "cut": cut,
                **_measure(test, test.score >= threshold, here >= cut, settings["confidence"]),
                "note": "" if source == "validation" else f"threshold: {source}",
            }


def _choose_cut(certainties: np.ndarray, coverage: float) -> float:
    """The certainty from which this share of the validation part's patients is answered; all: 0."""
    if coverage == 1:
        return 0.0
    return float(np.quantile(certainties, 1 - coverage, method="higher"))


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
