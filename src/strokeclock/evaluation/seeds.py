"""An interval in which both the training's seed and the patients vary.

The estimand is the mean AUC, over all seeds that could have been drawn, of one training with one seed, on
patients like these: what to expect of a training that is repeated elsewhere with a new seed. It is estimated
by the mean of the single trainings' AUCs. It is not the AUC of the ensemble, which is higher as a rule, and
the interval is of this mean, not of the AUC of the next training.

The trainings are seen as the readers of a study in which each reader reads every patient. The method is that
of Obuchowski and Rockette (1995) for one modality, with the degrees of freedom of Hillis (2007, Statistics in
Medicine 26:596), as the programme OR-DBM MRMC prints it for a single treatment. The r AUCs are

    AUC[s] = mean + effect of the seed s + error[s],  with covariance Cov2 of the errors of two seeds,

because all are measured on the same patients. With MS the variance of the AUCs from seed to seed (r - 1 in
the denominator), the mean of the AUCs has the variance

    V = MS / r + max(Cov2, 0),

for MS / r holds the seeds' variance and the part of the errors that is not shared. The interval is that of
Student's t with df = (r V)² / (MS² / (r - 1)). With two seeds that differ much, it is wide: two seeds say
little about all seeds.

One thing is added. MS of two or three seeds may by chance be smaller than the errors alone make it on
average, which is Var - Cov2 with Var the mean of the seeds' variances on these patients. The seeds' own
variance would then be estimated below 0, and the interval be narrower than for fixed seeds. MS is therefore
at least Var - Cov2. In simulations with seeds that differ not at all or much, intervals of 95 % then held the
mean in 92 to 99 % of cases with two seeds, 92 to 96 % with three and 94 to 95 % with five.

Var and Cov2 are means of DeLong's variances of the seeds and covariances of their pairs; where a patient has
two hemispheres, of those in resampled patients. Seeds and patients are not drawn together in one bootstrap:
its variance is too great, because each draw repeats the same seeds and patients and so counts their joint
error several times (Gallas and others 2009, Communications in Statistics A 38:2586).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.intervals import UNDEFINED, Interval, clustered_means


class SeedEstimate(NamedTuple):
    """The mean over single trainings, its interval and the interval's degrees of freedom (NaN: undefined)."""

    value: float
    interval: Interval
    df: float


class Placements(NamedTuple):
    """The mean of compared pairs at each positive (m,) and at each negative (n,)."""

    by_positive: np.ndarray
    by_negative: np.ndarray


def estimate_over_seeds(
    pairs: Iterable[np.ndarray],
    *,
    confidence: float,
    lowest: float = 0.0,
    label: ArrayLike = (),
    patient: ArrayLike | None = None,
    bootstraps: int = 0,
) -> SeedEstimate:
    """Estimate the AUC of a training with a new seed on new patients, or a difference of two such AUCs.

    Parameters
    ----------
    pairs
        Of each seed, the matrix `metrics.compare_pairs` (positives, negatives), or the difference of two
        rows' matrices, of the same units for all seeds. They are large: one is held at a time.
    confidence
        Of the interval.
    lowest
        Where the interval is cut, besides at 1: 0 for AUCs, -1 for differences.
    label, patient, bootstraps : (n,), (n,), number
        Where a patient has several units: the labels and patients of the units, and how many resamples of
        patients give the covariances. Else patient is None.

    Returns
    -------
    The interval is undefined with fewer than two seeds, fewer than two units of a class, or no variance.
    """
    values: list[float] = []
    placed: list[Placements] = []
    drawn: list[np.ndarray] = []
    for matrix in pairs:
        if not matrix.size:
            return SeedEstimate(np.nan, UNDEFINED, np.nan)
        values.append(float(matrix.mean()))
        if patient is None:
            placed.append(place(matrix))
        else:
            drawn.append(clustered_means(matrix, label, patient=patient, bootstraps=bootstraps))
    covariance = covary_draws(drawn) if drawn else covary_placements(placed)
    found = combine_seeds(values, covariance, confidence=confidence)
    low, high = np.clip(found.interval, lowest, 1.0)
    return found._replace(interval=Interval(float(low), float(high)))


def combine_seeds(values: Sequence[float], covariance: np.ndarray, *, confidence: float) -> SeedEstimate:
    """The mean of the seeds' values (r,) with its interval, given the covariance (r, r) of their errors."""
    from scipy.stats import t

    r, mean = len(values), float(np.mean(values))
    if r < 2 or np.isnan(covariance).any():
        return SeedEstimate(mean, UNDEFINED, np.nan)
    shared = max(0.0, float(covariance[~np.eye(r, dtype=bool)].mean()))
    between = max(float(np.var(values, ddof=1)), float(np.diag(covariance).mean()) - shared)
    variance = between / r + shared
    if not variance > 0:
        return SeedEstimate(mean, UNDEFINED, np.nan)
    df = (r * variance) ** 2 / (between**2 / (r - 1)) if between > 0 else np.inf
    half = float(t.ppf((1 + confidence) / 2, df)) * variance**0.5
    return SeedEstimate(mean, Interval(mean - half, mean + half), df)


def place(pairs: np.ndarray) -> Placements:
    """The placements of a matrix of compared pairs (positives, negatives)."""
    return Placements(pairs.mean(axis=1), pairs.mean(axis=0))


def covary_placements(placed: Sequence[Placements]) -> np.ndarray:
    """Covariance (r, r) of r AUCs, or differences of AUCs, of the same units (DeLong and others 1988).

    NaN with fewer than two units of a class.
    """
    positives, negatives = (len(by) for by in placed[0])
    if min(positives, negatives) < 2:
        return np.full((len(placed), len(placed)), np.nan)
    by_positive, by_negative = (np.array(by) for by in zip(*placed, strict=True))
    return np.atleast_2d(np.cov(by_positive) / positives + np.cov(by_negative) / negatives)


def covary_draws(drawn: Sequence[np.ndarray]) -> np.ndarray:
    """Covariance (r, r) of r AUCs, or differences, in the same resamples (bootstraps,), those without NaN."""
    values = np.array(drawn)
    return np.atleast_2d(np.cov(values[:, np.isfinite(values).all(axis=0)]))
