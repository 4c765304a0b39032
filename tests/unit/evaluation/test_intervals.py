"""Intervals, against independent computations."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from strokeclock.evaluation.intervals import (
    clustered_intervals,
    delong_interval,
    delong_variance,
    percentile_interval,
    resample_weights,
    wilson_interval,
)
from strokeclock.evaluation.metrics import auc


@pytest.mark.parametrize(("successes", "n"), [(26, 37), (0, 9), (9, 9), (56, 74)])
def test_wilson_by_its_formula(successes, n):
    z = norm.ppf(0.975)
    p = successes / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert wilson_interval(successes, n, confidence=0.95) == pytest.approx(
        (centre - half, centre + half), abs=1e-12
    )


@pytest.mark.parametrize("n", [7, 12, 20])
def test_wilson_ends_at_0_and_1(n):
    assert wilson_interval(0, n, confidence=0.95).low == 0
    assert wilson_interval(n, n, confidence=0.95).high == 1


def test_wilson_of_nothing_is_undefined():
    assert all(map(math.isnan, wilson_interval(0, 0, confidence=0.95)))


def brute_force_variance(positive, negative):
    """Variance of the two-sample U-statistic from differences of pairs, without any mean over a sample.

    The covariance of two kernels that share a positive is half the mean product of what changes in each
    when the positive is exchanged for another; likewise for the negatives.
    """

    def kernel(a, b):
        return 1.0 if a > b else 0.5 if a == b else 0.0

    m, n = len(positive), len(negative)
    shared_positive = sum(
        (kernel(a, c) - kernel(b, c)) * (kernel(a, d) - kernel(b, d))
        for a, b in itertools.product(positive, repeat=2)
        for c, d in itertools.product(negative, repeat=2)
    ) / (2 * m * (m - 1) * n**2)
    shared_negative = sum(
        (kernel(a, c) - kernel(a, d)) * (kernel(b, c) - kernel(b, d))
        for a, b in itertools.product(positive, repeat=2)
        for c, d in itertools.product(negative, repeat=2)
    ) / (2 * n * (n - 1) * m**2)
    return shared_positive / m + shared_negative / n


@pytest.mark.parametrize("digits", [1, 8])
def test_delong_variance_by_sums_over_pairs(digits):
    rng = np.random.default_rng(5)
    label = np.r_[np.ones(17, int), np.zeros(11, int)]
    score = (rng.normal(size=28) + label).round(digits)
    expected = brute_force_variance(score[label == 1], score[label == 0])
    assert delong_variance(label, score) == pytest.approx(expected, rel=1e-12)


def test_delong_variance_agrees_with_the_spread_of_repeated_samples():
    rng = np.random.default_rng(6)
    label = np.r_[np.ones(40, int), np.zeros(42, int)]
    draws = [rng.normal(size=82) + 0.9 * label for _ in range(2000)]
    spread = np.var([auc(label, score) for score in draws])
    assert np.mean([delong_variance(label, score) for score in draws]) == pytest.approx(spread, rel=0.08)


def test_delong_interval_has_its_coverage():
    rng = np.random.default_rng(7)
    label = np.r_[np.ones(40, int), np.zeros(42, int)]
    truth = norm.cdf(0.9 / math.sqrt(2))
    intervals = [
        delong_interval(label, rng.normal(size=82) + 0.9 * label, confidence=0.9) for _ in range(1500)
    ]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert covered == pytest.approx(0.9, abs=0.025)


@pytest.mark.parametrize(("label", "score"), [([1, 1, 0, 0], [4, 3, 2, 1]), ([1, 0, 0], [3, 2, 3])])
def test_delong_interval_without_variance_is_undefined(label, score):
    assert all(map(math.isnan, delong_interval(label, score, confidence=0.95)))


def test_resample_weights_are_draws_with_replacement():
    weights = resample_weights(30, bootstraps=500)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean() == 1
    assert weights.var() == pytest.approx(29 / 30, rel=0.05)
    assert np.array_equal(weights, resample_weights(30, bootstraps=500))


def test_clustered_bootstrap_by_explicit_resampling():
    """The weights' algebra against copying whole patients, resample by resample."""
    rng = np.random.default_rng(8)
    patient = np.repeat([f"p{number}" for number in range(12)], 2)
    label = np.tile([1, 0], 12)
    score = (rng.normal(size=24) + label).round(1)
    threshold = 0.5
    weights = resample_weights(12, bootstraps=300)
    names = np.unique(patient)
    values = {"sensitivity": [], "specificity": [], "accuracy": [], "auc": []}
    for times in weights:
        rows = np.concatenate(
            [np.flatnonzero(patient == name).repeat(t) for name, t in zip(names, times, strict=True)]
        )
        y, called = label[rows], score[rows] >= threshold
        values["sensitivity"].append(called[y == 1].mean())
        values["specificity"].append((~called[y == 0]).mean())
        values["accuracy"].append((called == y).mean())
        values["auc"].append(auc(y, score[rows]))
    found = clustered_intervals(
        label, score, patient=patient, threshold=threshold, confidence=0.95, bootstraps=300
    )
    assert found.keys() == values.keys()
    for name, interval in found.items():
        assert interval == pytest.approx(np.quantile(values[name], [0.025, 0.975]), abs=1e-12)


def test_twin_hemispheres_widen_the_interval():
    """Units that repeat inside a patient are no new information: the interval must not shrink with them."""
    rng = np.random.default_rng(9)
    label = np.r_[np.ones(20, int), np.zeros(20, int)]
    score = rng.normal(size=40) + label
    settings = {"threshold": 0.5, "confidence": 0.95, "bootstraps": 2000}
    once = clustered_intervals(label, score, patient=np.arange(40), **settings)["auc"]
    twice = clustered_intervals(
        np.tile(label, 2), np.tile(score, 2), patient=np.tile(np.arange(40), 2), **settings
    )["auc"]
    assert twice == pytest.approx(once)


def test_percentile_interval_leaves_out_undefined_resamples():
    assert percentile_interval([*range(101), np.nan], confidence=0.9) == pytest.approx((5, 95))
    assert all(map(math.isnan, percentile_interval([1.0, 1.0, np.nan], confidence=0.9)))
