"""Calibration of scores: Brier score, calibration line, reliability; before and after temperature scaling.

Temperature scaling (Guo et al. 2017) divides the ensemble's log odds by one number, fitted on the validation
part alone (`operating.fit_temperature`). It keeps the order of the scores, so Table 2 does not change.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.intervals import (
    UNDEFINED,
    Interval,
    percentile_interval,
    resample_weights,
    wilson_interval,
)
from strokeclock.evaluation.odds import logit, scale
from strokeclock.evaluation.operating import FLATTEST, SHARPEST, read_temperatures
from strokeclock.evaluation.tables import (
    FEWEST,
    KEY,
    TOO_FEW,
    name_row,
    name_target,
    rate_columns,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import PAPER, Tasks, Units

AS_PREDICTED, SCALED = "as predicted", "temperature-scaled"
COLUMNS = (
    *("target", *KEY, "scores", "n", "positives", "temperature"),
    *(*rate_columns("brier"), "brier_reference", *rate_columns("intercept", "slope"), "ece", "note"),
)
BINS = ("target", *KEY, "scores", "bin", "n", "positives", "mean_score", *rate_columns("observed"))
UNITS_PER_BIN, MOST_BINS = 20, 10
ONE_CLASS = "not run: the validation part has one class only"
SEPARATED = "no calibration line: the scores separate the classes completely"
AT_THE_END = "the temperature is at the end of its range: the validation part does not determine it"


class Line(NamedTuple):
    """The calibration line: log odds of the truth against log odds of the score; ideal 0 and 1.

    `intercept` is calibration-in-the-large, with the slope held at 1: below 0, the scores are too high.
    """

    intercept: float
    intercept_interval: Interval
    slope: float
    slope_interval: Interval


NO_LINE = Line(np.nan, UNDEFINED, np.nan, UNDEFINED)


class Bin(NamedTuple):
    """Units of neighbouring scores."""

    n: int
    positives: int
    mean_score: float


def write_calibration(
    predictions: Iterable[str | Path],
    table: str | Path,
    reliability: str | Path,
    *,
    temperatures: str | Path,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write how each row's scores on the test part are calibrated, as predicted and temperature-scaled.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table, reliability : paths
        tables/calibration.csv (`COLUMNS`) and reliability.csv (`BINS`).
    temperatures : path
        fitted/temperatures.json, of these predictions.
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
    confidence = settings["confidence"]
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    temperature_of = read_temperatures(temperatures, scorers, tasks=tasks)
    rows, bins = [], []
    for scorer, found in scorers.items():
        key = {"target": name_target(tasks[scorer.phase])} | name_row(scorer)
        test, temperature = found.units("test"), temperature_of[scorer]
        for scores, power in ((AS_PREDICTED, 1.0), (SCALED, temperature)):
            row: dict[str, Any] = key | {"scores": scores, "n": len(test.label)}
            row["positives"] = int(test.label.sum())
            if power is None:
                rows.append(row | {"note": ONE_CLASS})
                continue
            score = scale(test.score, power)
            row |= _measure(test, score, settings)
            if scores == SCALED:
                row["temperature"] = power
                if not SHARPEST * 1.001 < power < FLATTEST / 1.001:
                    row["note"] = "; ".join(filter(None, [row["note"], AT_THE_END]))
            rows.append(row)
            bins += [
                key | {"scores": scores, "bin": number} | bin_cells(part, confidence)
                for number, part in enumerate(bin_scores(test.label, score), start=1)
            ]
    write_table(table, rows, columns=COLUMNS)
    write_table(reliability, bins, columns=BINS)


def brier(label: ArrayLike, score: ArrayLike) -> float:
    """Mean squared difference of probability and label."""
    return float(np.mean((np.asarray(score, float) - np.asarray(label)) ** 2))


def fit_line(label: ArrayLike, score: ArrayLike, *, patient: ArrayLike, confidence: float) -> Line:
    """Fit the calibration line; its intervals allow several units a patient (sandwich by patient).

    All NaN where the scores separate the classes completely, or where there is one class.
    """
    label, odds = np.asarray(label, float), logit(score)
    owner = np.unique(np.asarray(patient), return_inverse=True)[1]
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    fitted = []
    for design, offset in (
        (np.ones((len(odds), 1)), odds),
        (np.stack([odds, np.ones(len(odds))], axis=1), np.zeros(len(odds))),
    ):
        found = _fit_logistic(design, offset, label, owner)
        if found is None:
            return NO_LINE
        value, error = found
        fitted.append((value, Interval(value - quantile * error, value + quantile * error)))
    (intercept, of_intercept), (slope, of_slope) = fitted
    return Line(intercept, of_intercept, slope, of_slope)


def _fit_logistic(
    design: np.ndarray, offset: np.ndarray, label: np.ndarray, owner: np.ndarray
) -> tuple[float, float] | None:
    """First coefficient of a logistic regression and its standard error, clustered by owner.

    None where it does not converge.
    """
    if (beta := fit_coefficients(design, offset, label)) is None:
        return None
    fitted = 1 / (1 + np.exp(-(design @ beta + offset)))
    information = design.T @ (design * (fitted * (1 - fitted))[:, None])
    clusters = owner.max() + 1
    scores = np.zeros((clusters, design.shape[1]))
    np.add.at(scores, owner, design * (label - fitted)[:, None])
    bread = np.linalg.inv(information)
    covariance = bread @ (scores.T @ scores) @ bread * clusters / (clusters - 1)
    return float(beta[0]), float(covariance[0, 0] ** 0.5)


def fit_coefficients(design: np.ndarray, offset: np.ndarray, label: np.ndarray) -> np.ndarray | None:
    """Coefficients (terms,) of a logistic regression, by Newton's method; None where it does not converge.

    Parameters
    ----------
    design : (n, terms).
    offset : (n,) log odds that are added.
    label : (n,) 0 or 1.
    """
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-(design @ beta + offset)))
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (label - fitted))
        beta += step
        if np.abs(step).max() < 1e-9:
            return beta
    return None


def bin_scores(label: ArrayLike, score: ArrayLike) -> list[Bin]:
    """Bins of equal size in order of score (`divide_bins`)."""
    label, score = np.asarray(label), np.asarray(score, float)
    return [Bin(len(part), int(label[part].sum()), float(score[part].mean())) for part in divide_bins(score)]


def divide_bins(score: ArrayLike) -> list[np.ndarray]:
    """The units of each bin, in order of score: up to `MOST_BINS`, of at least `UNITS_PER_BIN` units.

    Equal scores may fall into different bins: a baseline scores all patients without a lesion alike.
    """
    order = np.argsort(np.asarray(score, float), kind="stable")
    return np.array_split(order, np.clip(len(order) // UNITS_PER_BIN, 1, MOST_BINS))


def calibration_error(bins: Iterable[Bin]) -> float:
    """Expected calibration error: mean over units of the bins' |observed share - mean score|."""
    bins = list(bins)
    return sum(abs(part.positives - part.n * part.mean_score) for part in bins) / sum(part.n for part in bins)


def _measure(test: Units, score: np.ndarray, settings: Mapping[str, Any]) -> dict[str, Any]:
    label, confidence = test.label, settings["confidence"]
    owner = np.unique(test.patient, return_inverse=True)[1]
    weights = resample_weights(owner.max() + 1, bootstraps=settings["bootstraps"])
    drawn = (weights @ np.bincount(owner, weights=(score - label) ** 2)) / (weights @ np.bincount(owner))
    line, note = NO_LINE, f"no calibration line: {TOO_FEW}"
    if min(label.sum(), (1 - label).sum()) >= FEWEST:
        line = fit_line(label, score, patient=test.patient, confidence=confidence)
        note = SEPARATED if np.isnan(line.slope) else ""
    return {
        **with_interval("brier", brier(label, score), percentile_interval(drawn, confidence=confidence)),
        "brier_reference": float(label.mean() * (1 - label.mean())),
        **with_interval("intercept", line.intercept, line.intercept_interval),
        **with_interval("slope", line.slope, line.slope_interval),
        "ece": calibration_error(bin_scores(label, score)),
        "note": note,
    }


def bin_cells(part: Bin, confidence: float) -> dict[str, float]:
    """The cells of `BINS` for one bin, with Wilson's interval of the observed share."""
    interval = wilson_interval(part.positives, part.n, confidence=confidence)
    return part._asdict() | with_interval("observed", part.positives / part.n, interval)
