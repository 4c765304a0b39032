"""Counts, rates, ROC and AUC of a binary classifier; the threshold by Youden's J.

A unit is called positive where score >= threshold. All functions take label (n,) of 0 and 1, and score (n,).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"


class Counts(NamedTuple):
    """The 2 x 2 table; a rate without denominator is NaN.

    Attributes
    ----------
    tp, fn, tn, fp
        True positives, false negatives, true negatives, false positives.
    n, positives, negatives, called
        Numbers of all units, of those with label 1 and 0, and of those called positive.
    sensitivity, specificity, accuracy, prevalence, ppv, npv
        Shares.
    """

    tp: int
    fn: int
    tn: int
    fp: int

    @property
    def n(self) -> int:
        return sum(self)

    @property
    def positives(self) -> int:
        return self.tp + self.fn

    @property
    def negatives(self) -> int:
        return self.tn + self.fp

    @property
    def sensitivity(self) -> float:
        return self.tp / self.positives if self.positives else np.nan

    @property
    def specificity(self) -> float:
        return self.tn / self.negatives if self.negatives else np.nan

    @property
    def accuracy(self) -> float:
        return (self.tp + self.tn) / self.n if self.n else np.nan

    @property
    def prevalence(self) -> float:
        return self.positives / self.n if self.n else np.nan

    @property
    def called(self) -> int:
        return self.tp + self.fp

    @property
    def ppv(self) -> float:
        return self.tp / self.called if self.called else np.nan

    @property
    def npv(self) -> float:
        return self.tn / (self.n - self.called) if self.n > self.called else np.nan


class Roc(NamedTuple):
    """Points (n + 1,) of an ROC curve: from the threshold inf, nothing positive, down to the lowest score."""

    threshold: np.ndarray
    tp: np.ndarray
    fp: np.ndarray


def count(label: ArrayLike, called: ArrayLike) -> Counts:
    """Count the 2 x 2 table of true labels and calls, (n,) each, of 0 and 1."""
    label, called = np.asarray(label, bool), np.asarray(called, bool)
    cells = (label & called, label & ~called, ~label & ~called, ~label & called)
    return Counts(*(int(np.count_nonzero(cell)) for cell in cells))


def compare_pairs(label: ArrayLike, score: ArrayLike) -> np.ndarray:
    """Matrix (positives, negatives): 1 where the positive has the higher score, 0.5 at a tie, else 0."""
    label, score = np.asarray(label, bool), np.asarray(score, float)
    positive, negative = score[label][:, None], score[~label][None, :]
    return (positive > negative) + 0.5 * (positive == negative)


def auc(label: ArrayLike, score: ArrayLike) -> float:
    """Area under the ROC curve, from scores, ties counted one half; NaN without both classes.

    Examples
    --------
    Of four pairs three are in order and one is a tie:

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
    0.875
    """
    pairs = compare_pairs(label, score)
    return float(pairs.mean()) if pairs.size else np.nan


def roc(label: ArrayLike, score: ArrayLike) -> Roc:
    """True and false positives at every distinct score taken as threshold."""
    label, score = np.asarray(label, bool), np.asarray(score, float)
    threshold = np.concatenate([[np.inf], np.unique(score)[::-1]])
    tp, fp = (
        len(group) - np.searchsorted(np.sort(group), threshold, side="left")
        for group in (score[label], score[~label])
    )
    return Roc(threshold, tp, fp)


def youden_threshold(label: ArrayLike, score: ArrayLike) -> float:
    """The observed score that maximises J = sensitivity + specificity - 1; at a tie, the higher sensitivity.

    Compared in whole numbers, tp·N - fp·P, so that equal J are equal. ValueError without both classes.

    Examples
    --------
    J is 0.5 at 0.4 and at 0.9; at 0.4 no positive is missed:

    >>> youden_threshold([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9])
    0.4
    """
    curve = roc(label, score)
    positives, negatives = int(curve.tp[-1]), int(curve.fp[-1])
    if not positives or not negatives:
        raise ValueError("Youden's J needs both classes")
    j = (curve.tp * negatives - curve.fp * positives)[1:]  # without the threshold inf
    best = np.flatnonzero(j == j.max())[-1]  # the lowest threshold has the highest sensitivity
    return float(curve.threshold[1:][best])


def threshold_at_rate(label: ArrayLike, score: ArrayLike, *, rate: str, wanted: float) -> float | None:
    """The observed score that reaches a wanted rate and costs the least of the other one.

    For a wanted specificity: the lowest observed score at which the specificity is at least ``wanted``, so
    that no such score has a higher sensitivity. For a wanted sensitivity: the highest observed score at which
    the sensitivity is at least ``wanted``. Units that tie with the threshold are all called positive, and a
    rate that equals ``wanted`` reaches it. None where no observed score reaches it: at the highest score
    there is, too many negatives are called. ValueError without both classes or for another rate.

    Examples
    --------
    For a specificity of .75, three of the four negatives must not be called; .6 is the lowest such score:

    >>> negatives, positives = [0.1, 0.2, 0.5, 0.7], [0.3, 0.6, 0.8]
    >>> threshold_at_rate([0, 0, 0, 0, 1, 1, 1], negatives + positives, rate="specificity", wanted=0.75)
    0.6
    """
    curve = roc(label, score)
    positives, negatives = int(curve.tp[-1]), int(curve.fp[-1])
    if not positives or not negatives:
        raise ValueError("a threshold at a wanted rate needs both classes")
    # a share of whole numbers that equals a decimal number is the same float
    if rate == SPECIFICITY:
        reached = np.flatnonzero((negatives - curve.fp[1:]) / negatives >= wanted)[-1:]
    elif rate == SENSITIVITY:
        reached = np.flatnonzero(curve.tp[1:] / positives >= wanted)[:1]
    else:
        raise ValueError(f"no rate to be wanted: {rate}")
    return float(curve.threshold[1:][reached[0]]) if reached.size else None
