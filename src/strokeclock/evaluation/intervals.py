"""Confidence intervals: Wilson for proportions, DeLong for AUC, and the patient-level bootstrap."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.metrics import compare_pairs


class Interval(NamedTuple):
    """The ends of a confidence interval."""

    low: float
    high: float


UNDEFINED = Interval(np.nan, np.nan)


def wilson_interval(successes: float, n: int, *, confidence: float) -> Interval:
    """Wilson's score interval of successes/n; undefined (NaN) for n = 0.

    Examples
    --------
    It keeps a width where all succeed:

    >>> [round(end, 3) for end in wilson_interval(10, 10, confidence=0.95)]
    [0.722, 1.0]
    """
    if n == 0:
        return UNDEFINED
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    # the formula's 0 and 1, but for rounding
    return Interval(0.0 if successes == 0 else float(low), 1.0 if successes == n else float(high))


def delong_variance(label: ArrayLike, score: ArrayLike) -> float:
    """Variance of the AUC (DeLong, DeLong and Clarke-Pearson 1988); NaN with fewer than two of a class."""
    return pairs_variance(compare_pairs(label, score))


def pairs_variance(pairs: np.ndarray) -> float:
    """DeLong's variance of the mean of `compare_pairs`, (positives, negatives), or of a difference of two.

    The difference of paired scores needs no covariance. NaN with fewer than two of a class.
    """
    if min(pairs.shape) < 2:
        return np.nan
    by_positive, by_negative = pairs.mean(axis=1), pairs.mean(axis=0)
    return float(by_positive.var(ddof=1) / len(by_positive) + by_negative.var(ddof=1) / len(by_negative))


def delong_interval(label: ArrayLike, score: ArrayLike, *, confidence: float) -> Interval:
    """Normal interval of the AUC with DeLong's variance, cut at 0 and 1.

    Undefined (NaN) where the variance is 0 or undefined: an AUC of 1 on a few patients is not certain.
    """
    variance = delong_variance(label, score)
    if not variance > 0:
        return UNDEFINED
    area = float(compare_pairs(label, score).mean())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * variance**0.5
    return Interval(max(0.0, area - half), min(1.0, area + half))


def resample_weights(n: int, *, bootstraps: int) -> np.ndarray:
    """How often each of n patients is drawn, (bootstraps, n) of whole numbers, rows summing to n."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=bootstraps)


def percentile_interval(values: ArrayLike, *, confidence: float) -> Interval:
    """Percentile interval of bootstrap values; NaN values (a resample without both classes) are left out.

    Undefined (NaN) where all values are the same.
    """
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size or numbers.min() == numbers.max():
        return UNDEFINED
    low, high = np.quantile(numbers, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def clustered_intervals(
    label: ArrayLike,
    score: ArrayLike,
    *,
    patient: ArrayLike,
    threshold: float,
    confidence: float,
    bootstraps: int,
) -> dict[str, Interval]:
    """Intervals of sensitivity, specificity, accuracy and auc where a patient has several units.

    Whole patients are drawn, so that the two hemispheres of a patient stay together. A resample is a vector
    of weights w on patients; with K[i, j] the compared pairs of patient i's positives and j's negatives,
    its AUC is w'Kw over the weighted number of pairs.
    """
    label, score = np.asarray(label, bool), np.asarray(score, float)
    called = score >= threshold
    names, owner = np.unique(np.asarray(patient), return_inverse=True)
    weights = resample_weights(len(names), bootstraps=bootstraps).astype(float)

    def total(cell: np.ndarray) -> np.ndarray:
        return weights @ np.bincount(owner, weights=cell, minlength=len(names))

    positives, negatives = total(label), total(~label)
    with np.errstate(invalid="ignore"):  # 0/0: a resample without this class
        values = {
            "sensitivity": total(label & called) / positives,
            "specificity": total(~label & ~called) / negatives,
            "accuracy": total(label == called) / (positives + negatives),
            "auc": _resampled_means(compare_pairs(label, score), label, owner, weights),
        }
    return {name: percentile_interval(value, confidence=confidence) for name, value in values.items()}


def clustered_means(
    pairs: np.ndarray, label: ArrayLike, *, patient: ArrayLike, bootstraps: int
) -> np.ndarray:
    """The mean of `compare_pairs`, or of two such matrices' difference, in resamples of whole patients.

    Returns (bootstraps,); NaN for a resample without both classes.
    """
    names, owner = np.unique(np.asarray(patient), return_inverse=True)
    weights = resample_weights(len(names), bootstraps=bootstraps).astype(float)
    return _resampled_means(pairs, np.asarray(label, bool), owner, weights)


def _resampled_means(
    pairs: np.ndarray, label: np.ndarray, owner: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    belongs = np.eye(weights.shape[1])[owner]  # (units, patients)
    positives, negatives = belongs[label], belongs[~label]
    total = np.einsum("bi,bi->b", weights @ (positives.T @ pairs @ negatives), weights)
    with np.errstate(invalid="ignore"):  # 0/0: a resample without this class
        return total / ((weights @ positives.sum(axis=0)) * (weights @ negatives.sum(axis=0)))
