"""The interval over seeds and patients: a published example, unbiased estimates by hand, and its coverage."""

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import t

from strokeclock.evaluation.intervals import clustered_intervals, delong_variance
from strokeclock.evaluation.metrics import compare_pairs
from strokeclock.evaluation.seeds import (
    combine_seeds,
    covary_placements,
    estimate_over_seeds,
    place,
)

LABEL = np.r_[np.ones(23, int), np.zeros(31, int)]
# Van Dyke et al. 1993: AUCs of five readers with two modalities, and what OR-DBM MRMC 2.51 prints of them.
READERS = {
    1: [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
    2: [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
}
PUBLISHED = {  # variance, Cov2, mean, degrees of freedom, interval
    1: (0.00101410, 0.00048396, 0.89703704, 12.74, (0.82522360, 0.96885048)),
    2: (0.00059047, 0.00020419, 0.94083736, 12.71, (0.89413783, 0.98753689)),
}


def covariance_of(variance, shared, r=5):
    return np.where(np.eye(r, dtype=bool), variance, shared)


@pytest.mark.parametrize("modality", READERS)
def test_the_published_intervals_of_a_single_modality(modality):
    variance, shared, mean, df, interval = PUBLISHED[modality]
    found = combine_seeds(READERS[modality], covariance_of(variance, shared), confidence=0.95)
    assert found.value == pytest.approx(mean, abs=1e-8)
    assert found.df == pytest.approx(df, abs=0.005)
    assert found.interval == pytest.approx(interval, abs=2e-6)


def test_the_published_interval_of_a_difference():
    """With Var, Cov1, Cov2 and Cov3 of both modalities, differences have twice Var - Cov1 and Cov2 - Cov3."""
    covariance = covariance_of(2 * (0.00080229 - 0.00034661), 2 * (0.00034407 - 0.00023903))
    found = combine_seeds(np.subtract(READERS[1], READERS[2]), covariance, confidence=0.95)
    assert found.value == pytest.approx(-0.04380032, abs=1e-8)
    assert found.df == pytest.approx(15.26, abs=0.005)
    assert found.interval == pytest.approx((-0.08796, 0.00036), abs=1e-5)


def score_seeds(rng, *, r, label=LABEL, spread=0.0, shared=0.5, distance=1.0):
    """Scores (n, r): what all seeds see of a patient, each seed's error, and each seed's own distance."""
    n = len(label)
    both = math.sqrt(shared) * rng.normal(size=(n, 1)) + math.sqrt(1 - shared) * rng.normal(size=(n, r))
    return both + np.outer(label, distance + spread * rng.normal(size=r))


def list_pairs(label, scores):
    return [compare_pairs(label, score) for score in scores.T]


@pytest.mark.parametrize("digits", [1, 9])
def test_covariances_are_those_of_which_delongs_variances_are_made(digits):
    scores = score_seeds(np.random.default_rng(0), r=3).round(digits)
    found = covary_placements([place(pairs) for pairs in list_pairs(LABEL, scores)])
    for seed in range(3):
        assert found[seed, seed] == pytest.approx(delong_variance(LABEL, scores[:, seed]), rel=1e-12)
    for a, b in combinations(range(3), 2):
        difference = place(compare_pairs(LABEL, scores[:, a]) - compare_pairs(LABEL, scores[:, b]))
        variance = covary_placements([difference])[0, 0]
        assert found[a, a] + found[b, b] - 2 * found[a, b] == pytest.approx(variance, rel=1e-9)


def multiply_apart(a, b):
    """The sum of a[i, j] b[k, l] over all i != k and j != l."""
    by_positive, by_negative = ((a.sum(axis=axis) * b.sum(axis=axis)).sum() for axis in (1, 0))
    return a.sum() * b.sum() - by_positive - by_negative + (a * b).sum()


def test_the_variance_against_gallas_estimate():
    """The one-shot estimate of Gallas 2006: mean² less what estimates E[AUC]² without bias.

    That is the mean product of two comparisons that share no seed, no positive and no negative.
    """
    label = np.r_[np.ones(40, int), np.zeros(45, int)]
    rng = np.random.default_rng(1)
    ours, gallas = [], []
    for _ in range(40):
        pairs = np.array(list_pairs(label, score_seeds(rng, r=4, label=label, spread=0.3)))
        r, m, n = pairs.shape
        apart = sum(multiply_apart(pairs[a], pairs[b]) for a in range(r) for b in range(r) if a != b)
        gallas.append(pairs.mean() ** 2 - apart / (r * (r - 1) * m * (m - 1) * n * (n - 1)))
        found = estimate_over_seeds(pairs, confidence=0.95)
        half = (found.interval.high - found.interval.low) / 2
        ours.append((half / t.ppf(0.975, found.df)) ** 2)
        assert found.value == pytest.approx(pairs.mean())
    assert np.mean(ours) == pytest.approx(np.mean(gallas), rel=0.05)
    assert np.corrcoef(ours, gallas)[0, 1] > 0.99


def test_it_is_never_narrower_than_for_these_seeds_alone():
    """AUCs that are by chance the same leave the errors of the seeds, which the patients show."""
    covariance = covariance_of(0.002, 0.001, r=2)
    found = combine_seeds([0.7, 0.7], covariance, confidence=0.95)
    fixed = math.sqrt((0.002 + 0.001) / 2)
    assert (found.interval.high - found.interval.low) / 2 > NormalDist().inv_cdf(0.975) * fixed
    assert found.df == pytest.approx(9)  # (2 · 0.0015)² / 0.001²


@pytest.mark.parametrize(
    ("r", "spread", "most"), [(2, 0.1, 1), (3, 0.3, 0.98), (5, 0.0, 0.98), (5, 0.3, 0.98)]
)
def test_coverage(r, spread, most):
    """The mean AUC of all seeds lies in 95 % of the intervals, of two seeds in more.

    Where seeds differ, it lies in fewer intervals of these seeds' mean for new patients alone.
    """
    rng = np.random.default_rng(4)
    label = np.r_[np.ones(50, int), np.zeros(60, int)]
    truth = NormalDist().cdf(1 / math.sqrt(2 + spread**2))
    inside, inside_alone = [], []
    for _ in range(400):
        pairs = list_pairs(label, score_seeds(rng, r=r, label=label, spread=spread))
        low, high = estimate_over_seeds(pairs, confidence=0.95).interval
        inside.append(low <= truth <= high)
        mean = np.mean(pairs, axis=0)
        half = NormalDist().inv_cdf(0.975) * covary_placements([place(mean)])[0, 0] ** 0.5
        inside_alone.append(abs(mean.mean() - truth) <= half)
    assert 0.92 <= np.mean(inside) <= most
    if spread == 0.3:
        assert np.mean(inside_alone) < 0.88


def test_hemispheres_of_a_patient_stay_together():
    """Where all seeds score alike, the interval is that of the resampled patients, but for its shape."""
    rng = np.random.default_rng(5)
    patient, label = np.repeat(np.arange(60), 2), np.tile([1, 0], 60)
    score = 1 / (1 + np.exp(-(2 * label - 1 + np.repeat(rng.normal(size=60), 2) + rng.normal(size=120))))
    drawn = {"patient": patient, "bootstraps": 2000}
    found = estimate_over_seeds([compare_pairs(label, score)] * 3, confidence=0.95, label=label, **drawn)
    expected = clustered_intervals(label, score, threshold=0.5, confidence=0.95, **drawn)["auc"]
    assert found.df == math.inf
    assert found.interval == pytest.approx(expected, abs=0.01)
    alone = estimate_over_seeds([compare_pairs(label, score)] * 3, confidence=0.95).interval
    assert alone.high - alone.low > 1.2 * (expected.high - expected.low)  # pairs within a patient are alike


def test_ends_are_cut():
    covariance = covariance_of(0.01, 0.009, r=2)
    pairs = [np.array([[1.0, 1.0], [1.0, 0.5]]), np.array([[1.0, 0.0], [1.0, 1.0]])]
    assert combine_seeds([0.875, 0.75], covariance, confidence=0.95).interval.high > 1
    low, high = estimate_over_seeds(pairs, confidence=0.95).interval
    assert (low, high) == (0, 1)
    assert estimate_over_seeds(pairs, confidence=0.95, lowest=-1).interval.low < 0


@pytest.mark.parametrize(
    ("label", "scores"),
    [
        ([1, 1, 0, 0], [[0.9], [0.8], [0.2], [0.1]]),
        ([1, 1, 0, 0], [[0.9, 0.8], [0.8, 0.9], [0.2, 0.1], [0.1, 0.2]]),
        ([1, 0, 0], [[0.4, 0.3], [0.2, 0.6], [0.5, 0.1]]),
        ([1, 1], [[0.4, 0.3], [0.2, 0.6]]),
    ],
    ids=["one seed", "no variance", "one positive", "one class"],
)
def test_what_has_no_interval(label, scores):
    found = estimate_over_seeds(list_pairs(label, np.array(scores)), confidence=0.95)
    assert all(map(math.isnan, found.interval))
    assert math.isnan(found.value) == (label == [1, 1])
