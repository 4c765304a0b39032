"""Welch's test in closed form and against SciPy, and which features are kept."""

import numpy as np
import pytest
from scipy import stats

from strokeclock.baselines.radiomics.selection import WelchSelection

LABEL = np.repeat([1, 0], [20, 30])


def test_p_is_welchs():
    """t = (mean - mean) / √(s²/n + s²/n), with Welch's and Satterthwaite's degrees of freedom."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 4)) * np.where(LABEL == 1, 3, 1)[:, None]
    features[LABEL == 1] += [0, 0.5, 1, 2]
    one, other = features[LABEL == 1], features[LABEL == 0]
    a, b = one.var(axis=0, ddof=1) / 20, other.var(axis=0, ddof=1) / 30
    t = (one.mean(axis=0) - other.mean(axis=0)) / np.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / 19 + b**2 / 29)
    expected = 2 * stats.t.sf(abs(t), freedom)
    assert WelchSelection().fit(features, LABEL).pvalues_ == pytest.approx(expected, rel=1e-9)


def test_the_features_under_the_corrected_level_are_kept():
    """Of 40 features 8 differ by four SD: p lies far below .2 / 40, the others' far above."""
    features = np.random.default_rng(4).normal(size=(50, 40))
    features[:, 10:18] += 4 * LABEL[:, None]
    chosen = WelchSelection().fit(features, LABEL)
    others = np.delete(chosen.pvalues_, range(10, 18))
    assert others.min() > 0.2 / 40
    assert np.flatnonzero(chosen.get_support()).tolist() == [*range(10, 18)]
    assert np.array_equal(chosen.transform(features), features[:, 10:18])


def test_the_level_is_divided_by_the_number_of_features():
    """One p of .01 passes among 10 features (.02) and not among 40 (.005): five are kept at any rate."""
    rng = np.random.default_rng(2)
    strong = rng.normal(size=(50, 6)) + 4 * LABEL[:, None]
    noise = rng.normal(size=(50, 60))
    chosen = WelchSelection().fit(np.hstack([strong, noise]), LABEL)
    weak = next(n for n, p in enumerate(chosen.pvalues_) if 0.2 / 66 < p < 0.2 / 7)
    few = np.hstack([strong, np.hstack([strong, noise])[:, [weak]]])
    assert WelchSelection().fit(few, LABEL).get_support()[6]
    assert not chosen.get_support()[weak]


def test_at_least_five_are_kept_those_with_the_least_p():
    features = np.random.default_rng(3).normal(size=(50, 30))
    features[:, 7] = 1  # one value: no test
    chosen = WelchSelection().fit(features, LABEL)
    assert chosen.pvalues_.min() > 0.2 / 30
    assert chosen.pvalues_[7] == 1
    assert set(np.flatnonzero(chosen.get_support())) == set(np.argsort(chosen.pvalues_)[:5])
