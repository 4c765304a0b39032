"""Decision curves (Vickers and Elkin 2006): the net benefit of treating by a row's score.

To treat from a probability p_t of a short TSS on weighs a wrong treatment as p_t / (1 - p_t) of a right one:
net benefit = TP/n - FP/n · p_t / (1 - p_t). The score must be a probability for this, so it is scaled by the
temperature fitted on the validation part. A reader's calls do not depend on p_t.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from strokeclock.evaluation.intervals import Interval, resample_weights
from strokeclock.evaluation.odds import scale
from strokeclock.evaluation.operating import read_temperatures
from strokeclock.evaluation.tables import (
    KEY,
    name_row,
    name_target,
    rate_columns,
    read_calls,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import (
    PAPER,
    READER_THRESHOLD_MIN,
    SUBSET,
    Scorer,
    ScorerPredictions,
    Tasks,
)

COLUMNS = ("target", *KEY, "n", "positives", "threshold", *rate_columns("net_benefit"), "note")
THRESHOLDS = np.arange(5, 91) / 100
STRATEGIES = {"treat all": True, "treat none": False}
NO_PROBABILITY = "not run: the validation part has one class only, so no score is scaled to a probability"
NO_TIME = "nothing to draw: no scorer with a TSS target was run"


def write_decision_curve(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    temperatures: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write net benefits on the test part, a row a model and threshold probability.

    The radiomics baseline is left out: its curve would be of other patients.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/decision_curve.csv (`COLUMNS`); stage is "strategy" for treat all and treat none, "readers" for
        the readers.
    temperatures : path
        fitted/temperatures.json, of these predictions.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv.
    readers : path or None
        The reader sheet.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion; such phases
        have no curve.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    scorers = {
        scorer: found
        for scorer, found in scorers.items()
        if tasks[scorer.phase] is not None and scorer.net != SUBSET
    }
    temperature_of = read_temperatures(temperatures, scorers, tasks=tasks)
    rows = []
    for below_min in sorted({limit for scorer in scorers if (limit := tasks[scorer.phase]) is not None}):
        of_target = {scorer: found for scorer, found in scorers.items() if tasks[scorer.phase] == below_min}
        truth = next(iter(of_target.values())).units("test")
        calls = None
        if readers and below_min == READER_THRESHOLD_MIN:
            calls = read_calls(readers, cohort=cohort, exclusions=exclusions, patients=list(truth.patient))
        weights = resample_weights(len(truth.label), bootstraps=settings["bootstraps"])
        for key, called in _list_models(of_target, calls, len(truth.label), temperature_of):
            for row in (
                [{"note": NO_PROBABILITY}]
                if called is None
                else _curve(truth.label, called, weights.astype(float), settings["confidence"])
            ):
                rows.append({"target": name_target(below_min), **key, **row})
    write_table(table, rows or [{"note": NO_TIME}], columns=COLUMNS)


def _list_models(
    scorers: Mapping[Scorer, ScorerPredictions],
    calls: pd.DataFrame | None,
    n: int,
    temperatures: Mapping[Scorer, float | None],
) -> Iterator[tuple[dict[str, str], np.ndarray | None]]:
    """Yield each model's key and its calls on the test part, (n, thresholds); None: no calls."""
    for strategy, call in STRATEGIES.items():
        yield {"stage": "strategy", "model": strategy}, np.full((n, len(THRESHOLDS)), call)
    for scorer, found in scorers.items():
        called = None
        if (temperature := temperatures[scorer]) is not None:
            called = scale(found.units("test").score, temperature)[:, None] >= THRESHOLDS
        yield name_row(scorer), called
    for name, judged in calls.items() if calls is not None else ():
        called = judged.to_numpy(bool)[:, None].repeat(len(THRESHOLDS), axis=1)
        yield {"stage": "readers", "model": str(name)}, called


def net_benefit(tp: ArrayLike, fp: ArrayLike, n: ArrayLike, threshold: ArrayLike) -> np.ndarray:
    """TP/n - FP/n · threshold / (1 - threshold).

    Examples
    --------
    Who treats from 20 % up takes four needless treatments for one that was needed:

    >>> net_benefit([8, 8], [0, 4], 20, 0.2).tolist()
    [0.4, 0.35]
    """
    threshold = np.asarray(threshold, float)
    return (np.asarray(tp, float) - np.asarray(fp, float) * threshold / (1 - threshold)) / np.asarray(n)


def _curve(
    label: np.ndarray, called: np.ndarray, weights: np.ndarray, confidence: float
) -> Iterator[dict[str, Any]]:
    """A row a threshold from calls (n, thresholds); intervals from resampled patients (bootstraps, n)."""
    n, right = len(label), label[:, None] == 1
    tp, fp = (called & right).astype(float), (called & ~right).astype(float)
    value = net_benefit(tp.sum(axis=0), fp.sum(axis=0), n, THRESHOLDS)
    drawn = net_benefit(weights @ tp, weights @ fp, n, THRESHOLDS)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    for place, threshold in enumerate(THRESHOLDS):
        yield {
            "n": n,
            "positives": int(label.sum()),
            "threshold": threshold,
            **with_interval("net_benefit", value[place], Interval(low[place], high[place])),
        }
