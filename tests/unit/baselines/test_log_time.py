"""The regression of log time, against its closed form and scipy's minimum of the logistic loss."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from scipy.optimize import minimize

from strokeclock.baselines.log_time import FARTHEST, STRENGTH, fit_log_time
from strokeclock.baselines.regression import apply_regression

LIMIT = 270
NAMES = ("a", "b")


def _draw(n, *, seed):
    """Measures (n, 2) of which the first falls with log time, and minutes within FARTHEST of the limit."""
    rng = np.random.default_rng(seed)
    minutes = LIMIT * FARTHEST ** rng.uniform(-1, 1, n)
    measured = np.stack([-3 * np.log(minutes) + rng.normal(size=n), rng.normal(5, 2, n)], axis=1)
    return measured, minutes


def _fit(measured, minutes, labels=None):
    labels = (minutes < LIMIT).astype(float) if labels is None else labels
    return fit_log_time(measured, minutes, labels, below_min=LIMIT, inputs=NAMES)


def _expect(measured, minutes, new):
    """The probability (n,) of a time below the limit for new measures, by other means."""
    centre, scale = measured.mean(0), measured.std(0)

    def terms(values):
        z = ((values - centre) / scale).T
        return np.stack([*z, *(x * y for x, y in combinations_with_replacement(z, 2))], axis=1)

    time = np.log(minutes)
    x = terms(measured)
    middle = x.mean(0)
    gram = (x - middle).T @ (x - middle) + STRENGTH * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x - middle).T @ (time - time.mean()))
    own, others = ((part - middle) @ weights for part in (x, terms(new)))
    own, others = own / own.std(), others / own.std()  # their mean is 0
    sign = np.where(minutes < LIMIT, 1, -1)

    def loss(line):
        return np.log1p(np.exp(-sign * (line[0] + line[1] * own))).sum() + line[1] ** 2 / 2

    origin, slope = minimize(loss, [0.0, 0.0], tol=1e-12).x
    return 1 / (1 + np.exp(-origin - slope * others))


def test_probabilities_are_those_of_the_closed_form():
    measured, minutes = _draw(200, seed=0)
    new, _ = _draw(50, seed=1)
    expected = _expect(measured, minutes, new)
    assert expected.min() < 0.1
    assert expected.max() > 0.9
    np.testing.assert_allclose(apply_regression(_fit(measured, minutes), new), expected, atol=1e-4)


def test_times_far_from_the_limit_count_as_five_times_as_far():
    measured, minutes = _draw(60, seed=2)
    near, far = minutes.copy(), minutes.copy()
    near[:2] = LIMIT / 5, LIMIT * 5
    far[:2] = 1, 60 * 24 * 30
    assert _fit(measured, far) == _fit(measured, near)
    closer = near.copy()
    closer[:2] = LIMIT / 4.9, LIMIT * 4.9
    assert _fit(measured, closer) != _fit(measured, near)


def test_a_class_alone_counts_as_half_or_twice_the_limit():
    measured, minutes = _draw(60, seed=3)
    known, unknown = minutes.copy(), minutes.astype(np.float32)
    labels = (minutes < LIMIT).astype(float)
    labels[:2] = 1, 0
    known[:2] = LIMIT / 2, LIMIT * 2
    unknown[:2] = np.nan
    found, expected = (apply_regression(_fit(measured, one, labels), measured) for one in (unknown, known))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_missing_measure_counts_as_the_mean():
    measured, minutes = _draw(60, seed=4)
    measured[0, 1] = np.nan
    regression = _fit(measured, minutes)
    assert regression.imputation[1] == pytest.approx(np.nanmean(measured[:, 1]))
    filled = measured.copy()
    filled[0, 1] = np.nanmean(measured[:, 1])
    np.testing.assert_allclose(apply_regression(regression, measured), apply_regression(regression, filled))
