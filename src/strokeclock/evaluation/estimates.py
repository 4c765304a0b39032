"""Numbers of one group of patients with intervals, where a person may have several scans.

Where each patient is another person, intervals are Wilson's for proportions and DeLong's for the AUC. Where a
person has several scans, these come from resampled persons. Of the other numbers, all intervals do, but those
of the calibration line (sandwich by person).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.calibration import (
    NO_LINE,
    Bin,
    bin_scores,
    brier,
    calibration_error,
    fit_line,
)
from strokeclock.evaluation.decision import net_benefit
from strokeclock.evaluation.intervals import (
    UNDEFINED,
    clustered_means,
    delong_interval,
    percentile_interval,
    resample_weights,
    wilson_interval,
)
from strokeclock.evaluation.metrics import auc, compare_pairs, count
from strokeclock.evaluation.tables import FEWEST, with_interval

CALLS = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
UNREAD = "no reading"
BENEFIT_AT = (0.3, 0.5, 0.7)  # threshold probabilities at which the table prints the net benefit
BENEFITS = tuple(f"net_benefit_{100 * at:.0f}" for at in BENEFIT_AT)


@dataclass(frozen=True)
class Draws:
    """Resampled persons.

    Attributes
    ----------
    person : (n,) of each patient.
    owner : (n,) number of each patient's person.
    weights : (bootstraps, persons) how often each person is drawn.
    """

    person: np.ndarray
    owner: np.ndarray
    weights: np.ndarray

    @property
    def clustered(self) -> bool:
        """Whether a person has several patients."""
        return self.weights.shape[1] < len(self.owner)

    def total(self, cells: ArrayLike) -> np.ndarray:
        """The sums of cells (n,) or (n, k) in each resample: (bootstraps,) or (bootstraps, k)."""
        cells = np.asarray(cells, float)
        sums = np.zeros((self.weights.shape[1], *cells.shape[1:]))
        np.add.at(sums, self.owner, cells)
        return self.weights @ sums


def draw_persons(person: ArrayLike, *, bootstraps: int) -> Draws:
    """Resample the persons (n,) of at least one patient."""
    person = np.asarray(person)
    names, owner = np.unique(person, return_inverse=True)
    return Draws(person, owner, resample_weights(len(names), bootstraps=bootstraps).astype(float))


def are_enough(label: ArrayLike) -> bool:
    """Whether there are `FEWEST` patients of each class."""
    positives = int(np.sum(label))
    return min(positives, np.size(label) - positives) >= FEWEST


def measure_calls(
    label: np.ndarray, called: np.ndarray, draws: Draws, *, confidence: float
) -> dict[str, float]:
    """The 2 × 2 table and the rates of `CALLS`; NaN where a rate has no denominator.

    Parameters
    ----------
    label, called : (n,) of 0 and 1.
    """
    label, called = label.astype(bool), called.astype(bool)
    counts = count(label, called)
    cells: dict[str, float] = {**counts._asdict()}
    of = {
        "sensitivity": (label & called, label),
        "specificity": (~label & ~called, ~label),
        "ppv": (label & called, called),
        "npv": (~label & ~called, ~called),
        "accuracy": (label == called, np.ones(len(label), bool)),
    }
    for name in CALLS:
        right, among = of[name]
        value = right.sum() / among.sum() if among.any() else np.nan
        if draws.clustered:
            with np.errstate(invalid="ignore"):  # 0/0: a resample without these patients
                drawn = draws.total(right) / draws.total(among)
            interval = percentile_interval(drawn, confidence=confidence)
        else:
            interval = wilson_interval(int(right.sum()), int(among.sum()), confidence=confidence)
        cells |= with_interval(name, value, interval)
    return cells


def measure_auc(label: np.ndarray, score: np.ndarray, draws: Draws, *, confidence: float) -> dict[str, float]:
    """The AUC; NaN without both classes."""
    pairs = compare_pairs(label, score)
    if not pairs.size:
        return with_interval("auc", np.nan, UNDEFINED)
    if draws.clustered:
        drawn = clustered_means(pairs, label, patient=draws.person, bootstraps=len(draws.weights))
        interval = percentile_interval(drawn, confidence=confidence)
    else:
        interval = delong_interval(label, score, confidence=confidence)
    return with_interval("auc", auc(label, score), interval)


def bin_patients(label: np.ndarray, score: np.ndarray, is_read: np.ndarray) -> dict[str, Bin]:
    """Bins by number, of the patients with a reading (`bin_scores`); the others are one bin, `UNREAD`."""
    bins = bin_scores(label[is_read], score[is_read]) if is_read.any() else []
    named = {str(number): part for number, part in enumerate(bins, start=1)}
    if (unread := ~is_read).any():
        named[UNREAD] = Bin(int(unread.sum()), int(label[unread].sum()), float(score[unread].mean()))
    return named


def measure_brier(
    label: np.ndarray, score: np.ndarray, draws: Draws, *, confidence: float
) -> dict[str, float]:
    """The Brier score."""
    squares = draws.total((score - label) ** 2) / draws.total(np.ones(len(label)))
    return with_interval("brier", brier(label, score), percentile_interval(squares, confidence=confidence))


def measure_probabilities(
    label: np.ndarray, score: np.ndarray, is_read: np.ndarray, draws: Draws, *, confidence: float
) -> dict[str, float]:
    """Brier score, observed : expected, calibration line and expected calibration error.

    The line is NaN with fewer than `FEWEST` patients of a class, or where the scores separate the classes.
    The calibration error has no interval: resamples have a greater one than their patients.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # all scores are 0
        ratio = float(np.divide(label.sum(), score.sum()))
        ratios = draws.total(label) / draws.total(score)
    line = NO_LINE
    if are_enough(label):
        line = fit_line(label, score, patient=draws.person, confidence=confidence)
    return {
        **measure_brier(label, score, draws, confidence=confidence),
        **with_interval(
            "observed_expected",
            ratio if np.isfinite(ratio) else np.nan,
            percentile_interval(ratios, confidence=confidence),
        ),
        **with_interval("intercept", line.intercept, line.intercept_interval),
        **with_interval("slope", line.slope, line.slope_interval),
        "ece": calibration_error(bin_patients(label, score, is_read).values()),
    }


def measure_benefit(
    label: np.ndarray, treated: np.ndarray, thresholds: ArrayLike, draws: Draws, *, confidence: float
) -> list[dict[str, float]]:
    """The net benefit at each threshold probability (k,) of treating patients, (n, k)."""
    thresholds, right = np.asarray(thresholds, float), label[:, None] == 1
    tp, fp = treated & right, treated & ~right
    value = net_benefit(tp.sum(axis=0), fp.sum(axis=0), len(label), thresholds)
    size = draws.total(np.ones(len(label)))[:, None]
    drawn = net_benefit(draws.total(tp), draws.total(fp), size, thresholds)
    return [
        with_interval("net_benefit", value[k], percentile_interval(drawn[:, k], confidence=confidence))
        for k in range(len(thresholds))
    ]
