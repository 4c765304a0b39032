"""Sums along axes: against numpy's and scipy's."""

import numpy as np
import pytest
from scipy import ndimage

from strokeclock.imaging.separable import BLOCK, combine, smooth


@pytest.fixture
def data():
    shape = (BLOCK // 4, 9, 11)  # the last of several blocks of lines is not full
    return np.random.default_rng(0).random(shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("m", [4, 30])
def test_combine_is_a_product_of_matrices(data, axis, m):
    n = data.shape[axis]
    weights = np.random.default_rng(1).random((m, n))
    near = np.abs(np.linspace(0, n - 1, m)[:, None] - np.arange(n)) < 3
    weights *= near
    weights[1] = 0  # outside the field of view
    expected = np.moveaxis(np.tensordot(weights, data, (1, axis)), 0, axis)
    found = combine(data, weights, axis)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-6)


def test_combine_takes_any_order_in_memory(data):
    weights = np.random.default_rng(1).random((5, 9))
    turned = np.asfortranarray(data)[::-1]
    assert np.array_equal(combine(turned, weights, 1), combine(turned.copy("C"), weights, 1))


@pytest.mark.parametrize("mode", ["nearest", "reflect"])
@pytest.mark.parametrize("truncate", [2.5, 4.0])
def test_smooth_is_scipy_s(data, mode, truncate):
    sigma = np.array([1.3, 0.0, 2.6])
    expected = ndimage.gaussian_filter(data.astype(np.float64), sigma, mode=mode, truncate=truncate)
    assert np.allclose(smooth(data, sigma, mode=mode, truncate=truncate), expected, rtol=1e-5)
