"""Abstention: no answer for patients whose score lies in a band around the row's threshold.

Certainty has two measures, both in the ensemble's log odds: "margin", the distance to the row's threshold;
"spread", that distance in standard deviations of the single seeds' log odds. A temperature scales all log
odds alike, so it would hardly change which patients are answered. The band's width is chosen on the
validation part, so that a given share of its patients is answered, and evaluated on the test part. The
answers are Table 2's.
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
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.models.registry import networks
from strokeclock.predictions import PAPER, ScorerPredictions, Tasks, Units

COLUMNS = (
    *("target", *KEY, "seeds", "certainty", "coverage", "cut", "n", *rate_columns("answered")),
    *("tp", "fn", "tn", "fp", *rate_columns(*RATES), "accuracy_unanswered", "note"),
)
ONE_SEED = "needs 2 seeds or more"
ONE_CLASS = "not run: the part that the threshold is chosen on has one class only"
NOT_RUN = "not run: no network with a TSS target was run"


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
    """Write the results of each TSS network with abstention, a row a certainty and coverage.

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
    scorers = {
        scorer: found
        for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items()
        if scorer.net in networks() and tasks[scorer.phase] is not None
    }
    rows = []
    for scorer, bands in read_bands(abstention, scorers, tasks=tasks).items():
        key = {
            "target": name_target(tasks[scorer.phase]),
            **name_row(scorer),
            "seeds": len(scorers[scorer].seeds),
        }
        rows += [key | row for row in _rows(scorers[scorer], bands, settings["confidence"])]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(predictions: ScorerPredictions, bands: Bands, confidence: float) -> Iterator[dict[str, Any]]:
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
