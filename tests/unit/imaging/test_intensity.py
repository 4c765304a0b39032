"""Intensities: exact z-scores, white stripe, ratios kept by the median, [0, 1]."""

import numpy as np
import pytest

from strokeclock.imaging.intensity import (
    histogram_profile,
    normalise,
    rescale,
    white_stripe,
)


def test_zscore_exact():
    data = np.array([2.0, 4, 4, 4, 5, 5, 7, 9, 100], dtype=np.float32).reshape(3, 3, 1)
    mask = data < 50  # mean 5, standard deviation 2
    expected = np.array([-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2, 0]).reshape(3, 3, 1)
    np.testing.assert_allclose(normalise(data, mask), expected, atol=1e-7)


def test_zscore_is_clipped():
    data = np.zeros((101, 1, 1), dtype=np.float32)
    data[0] = 1  # ten standard deviations above the mean
    assert normalise(data, np.ones(data.shape, bool), clip=5.0).max() == 5.0


def test_the_default_clip_keeps_the_shades_of_a_bright_infarct():
    """1 % of the brain, 9 ± 1 tissue SD, lies 6.6 of the brain's SD above its mean: 5 would cut it flat."""
    rng = np.random.default_rng(4)
    data = rng.normal(0, 1, (30_000, 1, 1)).astype(np.float32)
    infarct = np.arange(30_000) < 300
    data[infarct, 0, 0] = np.clip(rng.normal(9, 1, 300), 7, 10.5)
    mask = np.ones(data.shape, bool)
    assert np.ptp(normalise(data, mask, clip=5.0)[infarct]) < 0.2
    np.testing.assert_array_equal(normalise(data, mask)[infarct], normalise(data, mask, clip=np.inf)[infarct])


def test_no_normalisation_keeps_intensities_inside_only(brain):
    data, mask = brain
    kept = normalise(data + 7, mask, method="none")
    np.testing.assert_array_equal(kept[mask], data[mask] + 7)
    assert not kept[~mask].any()


def test_minmax_exact():
    data = np.array([2.0, 4, 7, 12, 100], dtype=np.float32).reshape(5, 1, 1)
    expected = np.array([0, 0.2, 0.5, 1, 0]).reshape(5, 1, 1)
    np.testing.assert_allclose(normalise(data, data < 50, method="minmax"), expected, atol=1e-7)


@pytest.fixture
def two_peaks():
    """Tissue at 300 ± 20 (60 %) and 420 ± 15 (30 %), fluid at 900 ± 60 (10 %)."""
    rng = np.random.default_rng(5)
    return np.concatenate(
        [rng.normal(*peak) for peak in ((300, 20, 60_000), (420, 15, 30_000), (900, 60, 10_000))]
    )


def test_white_stripe_is_the_tenth_about_the_largest_mode(two_peaks):
    """Of a normal with 60 % of the voxels, 10 % about its mode reach 0.2104 SD to either side."""
    stripe = white_stripe(two_peaks)
    assert stripe.size == pytest.approx(10_000, abs=2)
    assert stripe.mean() == pytest.approx(300, abs=4)
    assert stripe[-1] - stripe[0] == pytest.approx(2 * 0.2104 * 20, rel=0.05)


def test_whitestripe_normalises_the_stripe_and_ignores_the_fluid(two_peaks):
    more_fluid = np.concatenate([two_peaks, np.full(4000, 1500.0) + np.arange(4000) / 100])
    for inside in (two_peaks, more_fluid):
        data = (7 + 2 * inside.astype(np.float32)).reshape(-1, 1, 1)
        normalised = normalise(data, np.ones(data.shape, bool), method="whitestripe").ravel()
        stripe = white_stripe(inside)
        unit = stripe.std()
        np.testing.assert_allclose(normalised, (inside - stripe.mean()) / unit, rtol=1e-3, atol=1e-3)
        assert unit == pytest.approx(2 * 0.2104 * 20 / np.sqrt(12), rel=0.06)  # nearly uniform in the stripe


def test_whitestripe_refuses_a_brain_partly_not_imaged(two_peaks):
    data = np.where(np.arange(two_peaks.size) % 2 == 0, 0, two_peaks).reshape(-1, 1, 1)
    with pytest.raises(ValueError, match="one value in a tenth of the brain"):
        normalise(data, np.ones(data.shape, bool), method="whitestripe")


@pytest.mark.parametrize("mask", [np.ones((2, 2, 2), bool), np.zeros((2, 2, 2), bool)])
def test_constant_or_empty_is_refused(mask):
    with pytest.raises(ValueError, match="constant inside the brain mask"):
        normalise(np.full((2, 2, 2), 3.0, np.float32), mask)


def test_rescale_exact():
    data = np.arange(1001, dtype=np.float32).reshape(7, 11, 13)
    scaled = rescale(data, np.ones(data.shape, bool), percentiles=(10, 90))
    assert scaled[0, 0, 0] == 0
    assert scaled.max() == 1
    np.testing.assert_allclose(scaled.ravel()[500], 0.5)
    np.testing.assert_allclose(scaled.ravel()[300], 0.25)


def test_rescale_background_is_zero(brain):
    data, mask = brain
    assert not rescale(data - 50, mask, percentiles=(0.1, 99.9))[~mask].any()


def test_profile_is_free_of_scale_and_offset(brain):
    data, mask = brain
    profile = histogram_profile(data, mask)
    assert profile.shape == (100,)
    assert np.percentile(profile, 50) == pytest.approx(np.median(normalise(data, mask)[mask]), abs=0.02)
    np.testing.assert_allclose(histogram_profile(data * 7 + 100, mask), profile, atol=1e-4)


def test_median_keeps_every_ratio_whatever_the_gain(two_peaks):
    data = two_peaks.astype(np.float32).reshape(-1, 1, 1)
    inside = np.ones(data.shape, bool)
    for gain in (1, 3):
        normalised = rescale(normalise(gain * data, inside, method="median"), inside, percentiles=None)
        assert np.median(normalised) == pytest.approx(0.2)
        assert np.allclose(normalised, 0.2 * data / np.median(two_peaks), rtol=1e-5)


def test_without_percentiles_values_are_only_cut():
    data = np.array([-1, 0.3, 0.9, 2], dtype=np.float32).reshape(4, 1, 1)
    assert rescale(data, data == data, percentiles=None).ravel() == pytest.approx([0, 0.3, 0.9, 1])


def test_median_refuses_a_brain_half_of_which_is_0():
    data = np.zeros((4, 4, 4), dtype=np.float32)
    data[0] = 1
    with pytest.raises(ValueError, match="half of the brain"):
        normalise(data, np.ones(data.shape, bool), method="median")
