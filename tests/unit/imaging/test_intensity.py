"""Intensities: exact z-scores, histogram matching voxel by voxel, lesion contrast, [0, 1]."""

import numpy as np
import pytest

from strokeclock.imaging.intensity import (
    histogram_profile,
    landmarks,
    match,
    normalise,
    rescale,
    white_stripe,
)


def matched_voxel_by_voxel(source, target, points):
    """ITK's piecewise linear matching with threshold at the mean and an open upper end, in plain Python."""

    def table(values):
        mean = sum(values) / len(values)
        above = sorted(value for value in values if value > mean)
        knots = [min(values), mean]
        for j in range(1, points + 1):
            position = j / (points + 1) * (len(above) - 1)
            k = int(position)
            knots.append(above[k] + (position - k) * (above[k + 1] - above[k]))
        return knots

    a, b = table(source), table(target)
    matched = []
    for value in source:
        if value > a[-1]:
            matched.append(b[-1] + (value - a[-1]) * (b[-1] - b[1]) / (a[-1] - a[1]))
        else:
            k = max(k for k in range(len(a) - 1) if a[k] <= value)
            matched.append(b[k] + (value - a[k]) * (b[k + 1] - b[k]) / (a[k + 1] - a[k]))
    return np.array(matched)


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


@pytest.mark.parametrize("points", [7, 15, 256])
def test_match_equals_independent_reference(brain, points):
    data, mask = brain
    rng = np.random.default_rng(1)
    other = (rng.gamma(3, 1, data.shape) * 50).astype(np.float32)
    matched = match(data, mask, target=landmarks(other, mask, match_points=points))
    expected = matched_voxel_by_voxel(
        data[mask].astype(float).tolist(), other[mask].astype(float).tolist(), points
    )
    np.testing.assert_allclose(matched[mask], expected, rtol=1e-5)
    assert not matched[~mask].any()


@pytest.mark.parametrize(("points", "share"), [(7, 1e-4), (15, 1e-4), (256, 1e-3)])
def test_match_equals_itk_below_the_last_landmark(points, share):
    """ITK's filter with its threshold at the mean and fine bins; above them ours differs by design."""
    ants = pytest.importorskip("ants", reason="needs ANTsPy")
    random = np.random.default_rng(0)

    def head(spread, offset):
        tissue = random.choice([100.0, 160.0, 320.0], 32_000, p=[0.45, 0.45, 0.1])
        noisy = tissue + random.normal(0, spread, tissue.size) + offset
        return noisy.reshape(40, 40, 20).astype(np.float32)

    data, other = head(15, 50), head(25, 80) ** np.float32(1.1)
    mask = np.ones(data.shape, bool)
    itk = ants.histogram_match_image(
        ants.from_numpy(data),
        ants.from_numpy(other),
        number_of_histogram_bins=4096,
        number_of_match_points=points,
        use_threshold_at_mean_intensity=True,
    ).numpy()
    matched = match(data, mask, target=landmarks(other, mask, match_points=points))
    below = data <= landmarks(data, mask, match_points=points)[-1]
    np.testing.assert_allclose(matched[below], itk[below], atol=share * np.ptp(other))


@pytest.mark.parametrize("points", [1, 7, 15])
def test_match_carries_landmarks_onto_the_targets(brain, points):
    data, mask = brain
    source = landmarks(data, mask, match_points=points)
    target = np.linspace(-2, 5, points + 2) ** 3
    assert source.shape == (points + 2,)
    matched = match(data, mask, target=target)[mask]
    np.testing.assert_allclose(matched[np.argmin(data[mask])], target[0], rtol=1e-6)
    for ours, theirs in zip(
        source, target, strict=True
    ):  # as many voxels lie below a landmark as below its image
        assert (data[mask] <= ours).sum() == (matched <= np.float32(theirs) + 1e-4).sum()


def test_match_is_monotone(brain):
    data, mask = brain
    other = np.random.default_rng(2).normal(0, 3, data.shape).astype(np.float32)
    matched = match(data, mask, target=landmarks(other, mask, match_points=7))
    assert (np.diff(matched[mask][np.argsort(data[mask])]) >= 0).all()


def test_match_to_itself_changes_nothing(brain):
    data, mask = brain
    matched = match(data, mask, target=landmarks(data, mask, match_points=7))
    np.testing.assert_allclose(matched[mask], data[mask], rtol=1e-6)


def test_zero_match_points_change_nothing(brain):
    data, mask = brain
    target = landmarks(data * 3, mask, match_points=0)
    np.testing.assert_array_equal(match(data, mask, target=target), data)


@pytest.mark.parametrize("method", ["zscore", "minmax", "whitestripe"])
def test_linear_normalisations_give_one_matched_volume(brain, method):
    """As in docs/paper.md: after matching and rescaling, normalisations differ in clipping alone."""
    data, mask = brain
    other = (np.random.default_rng(6).gamma(3, 1, data.shape) * 50).astype(np.float32)

    def prepare(method):
        target = landmarks(normalise(other, mask, method=method, clip=np.inf), mask, match_points=7)
        matched = match(normalise(data, mask, method=method, clip=np.inf), mask, target=target)
        return rescale(matched, mask, percentiles=(0.1, 99.9))

    np.testing.assert_allclose(prepare(method), prepare("none"), atol=2e-5)


@pytest.mark.parametrize("share", [0.005, 0.03])
def test_few_points_keep_the_contrast_of_a_lesion(share):
    """Infarcts of about 8 and 45 mL; with every quantile matched their contrast would be lost."""
    rng = np.random.default_rng(3)

    def two_tissues():
        return rng.choice([0.0, 0.6, -1.2], 60_000, p=[0.5, 0.4, 0.1]) + rng.normal(0, 0.25, 60_000)

    mask = np.ones((60_000, 1, 1), bool)
    healthy = two_tissues().reshape(mask.shape).astype(np.float32)
    lesion = np.arange(60_000) < share * 60_000
    infarcted = np.where(lesion, rng.normal(1.5, 0.3, 60_000), two_tissues())
    infarcted = infarcted.reshape(mask.shape).astype(np.float32)

    def contrast(data):
        flat = data.ravel()
        return (flat[lesion].mean() - flat[~lesion].mean()) / flat[~lesion].std()

    few = contrast(match(infarcted, mask, target=landmarks(healthy, mask, match_points=7)))
    every = contrast(np.interp(infarcted, np.sort(infarcted, axis=None), np.sort(healthy, axis=None)))
    assert few > 0.95 * contrast(infarcted)
    assert every < 0.85 * contrast(infarcted)


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
