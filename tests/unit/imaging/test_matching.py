"""Histogram matching: landmarks voxel by voxel, and a bounded map that keeps the ratios of lesions."""

import numpy as np
import pytest

from strokeclock.imaging.intensity import normalise, rescale
from strokeclock.imaging.matching import (
    BEND,
    landmarks,
    learn_target,
    log_quantiles,
    match,
    match_bounded,
    match_landmarks,
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


@pytest.mark.parametrize("points", [7, 15, 256])
def test_landmarks_are_matched_as_voxel_by_voxel(brain, points):
    data, mask = brain
    rng = np.random.default_rng(1)
    other = (rng.gamma(3, 1, data.shape) * 50).astype(np.float32)
    matched = match_landmarks(data, mask, target=landmarks(other, mask, match_points=points))
    expected = matched_voxel_by_voxel(
        data[mask].astype(float).tolist(), other[mask].astype(float).tolist(), points
    )
    np.testing.assert_allclose(matched[mask], expected, rtol=1e-5)
    assert not matched[~mask].any()


@pytest.mark.parametrize(("points", "share"), [(7, 1e-4), (15, 1e-4), (256, 1e-3)])
def test_landmarks_are_matched_as_by_itk_below_the_last(points, share):
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
    matched = match_landmarks(data, mask, target=landmarks(other, mask, match_points=points))
    below = data <= landmarks(data, mask, match_points=points)[-1]
    np.testing.assert_allclose(matched[below], itk[below], atol=share * np.ptp(other))


@pytest.mark.parametrize("points", [1, 7, 15])
def test_landmarks_are_carried_onto_the_targets(brain, points):
    data, mask = brain
    source = landmarks(data, mask, match_points=points)
    target = np.linspace(-2, 5, points + 2) ** 3
    assert source.shape == (points + 2,)
    matched = match_landmarks(data, mask, target=target)[mask]
    np.testing.assert_allclose(matched[np.argmin(data[mask])], target[0], rtol=1e-6)
    for ours, theirs in zip(
        source, target, strict=True
    ):  # as many voxels lie below a landmark as below its image
        assert (data[mask] <= ours).sum() == (matched <= np.float32(theirs) + 1e-4).sum()


def test_landmarks_are_matched_monotonically(brain):
    data, mask = brain
    other = np.random.default_rng(2).normal(0, 3, data.shape).astype(np.float32)
    matched = match_landmarks(data, mask, target=landmarks(other, mask, match_points=7))
    assert (np.diff(matched[mask][np.argsort(data[mask])]) >= 0).all()


def test_landmarks_matched_to_themselves_change_nothing(brain):
    data, mask = brain
    matched = match_landmarks(data, mask, target=landmarks(data, mask, match_points=7))
    np.testing.assert_allclose(matched[mask], data[mask], rtol=1e-6)


@pytest.mark.parametrize("method", ["zscore", "minmax", "whitestripe"])
def test_linear_normalisations_give_one_matched_volume(brain, method):
    """As in docs/methods/paper.md: after matching and rescaling, normalisations differ in clipping alone."""
    data, mask = brain
    other = (np.random.default_rng(6).gamma(3, 1, data.shape) * 50).astype(np.float32)

    def prepare(method):
        target = landmarks(normalise(other, mask, method=method, clip=np.inf), mask, match_points=7)
        matched = match_landmarks(normalise(data, mask, method=method, clip=np.inf), mask, target=target)
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

    few = contrast(match_landmarks(infarcted, mask, target=landmarks(healthy, mask, match_points=7)))
    every = contrast(np.interp(infarcted, np.sort(infarcted, axis=None), np.sort(healthy, axis=None)))
    assert few > 0.95 * contrast(infarcted)
    assert every < 0.85 * contrast(infarcted)


@pytest.fixture
def scanners():
    """A brain as two scanners show it: grey and white matter 18 % and 60 % apart, fluid dark, 2 % of noise.

    In the first an infarct of 1 % of the voxels is 1.3 times as bright as white matter. Returns the two, the
    infarct, and white matter, (30000, 1, 1) each.
    """
    rng = np.random.default_rng(7)
    tissue = rng.choice(3, 30_000, p=[0.45, 0.45, 0.1])
    noise = 1 + rng.normal(0, 0.02, 30_000)
    infarct = (np.arange(30_000) < 300) & (tissue == 0)
    ours = np.array([100.0, 118.0, 20.0])[tissue] * noise * np.where(infarct, 1.3, 1)
    theirs = np.array([300.0, 480.0, 30.0])[tissue] * noise
    return tuple(a.reshape(-1, 1, 1) for a in (ours, theirs, infarct, (tissue == 0) & ~infarct))


def ratio(data, place, other):
    return data[place].mean() / data[other].mean()


def test_a_bounded_map_keeps_the_ratio_that_landmarks_bend(scanners):
    ours, theirs, infarct, white = scanners
    mask = np.ones(ours.shape, bool)
    before = ratio(ours, infarct, white)
    assert before == pytest.approx(1.3, abs=0.01)
    after = {}
    for matching, method in (("bounded", "median"), ("landmarks", "zscore")):
        target = learn_target(normalise(theirs, mask, method=method), mask, matching=matching, match_points=7)
        matched = match(normalise(ours, mask, method=method), mask, target=target, matching=matching)
        if matching == "landmarks":  # in the intensities of the reference, where no signal is 0
            matched = matched * theirs.std() + theirs.mean()
        after[matching] = ratio(matched, infarct, white)
    assert after["bounded"] == pytest.approx(before ** (1 + BEND), rel=0.005)  # as far as it may
    assert abs(after["landmarks"] / before - 1) > 0.05


@pytest.mark.parametrize("bend", [0.05, 0.3])
def test_slopes_of_a_bounded_map_in_log_intensity_are_bounded_and_change_smoothly(brain, bend):
    data, mask = brain
    target = log_quantiles(np.random.default_rng(2).gamma(2, 50, data.shape), mask)
    matched = match_bounded(data, mask, target=target, bend=bend)
    order = np.argsort(data[mask])[::4]
    slopes = np.diff(np.log(matched[mask][order].astype(float))) / np.diff(
        np.log(data[mask][order].astype(float))
    )
    assert slopes.min() > 1 - bend - 1e-3
    assert slopes.max() < 1 + bend + 1e-3
    assert max(slopes.max() - 1, 1 - slopes.min()) > 0.8 * bend  # the bounds are used
    assert slopes[[0, -1]] == pytest.approx([1, 1], abs=0.01)
    assert np.abs(np.diff(slopes)).max() < 0.2 * bend  # no jump


def test_a_bounded_map_is_the_nearest_of_its_kind():
    """A power of .95 of one gamma is within the bounds, and so is reached; one of .5 is not."""
    data = np.random.default_rng(3).gamma(4, 50, (40, 40, 10)).astype(np.float32)
    mask = np.ones(data.shape, bool)
    knots = log_quantiles(data, mask)
    wave = 0.01 * np.sin(np.linspace(0, np.pi, knots.size)) ** 2
    reached = match_bounded(data, mask, target=knots + 2 + wave)
    np.testing.assert_allclose(log_quantiles(reached, mask), knots + 2 + wave, atol=0.002)
    short = match_bounded(data, mask, target=0.5 * knots)
    off = log_quantiles(short, mask) - 0.5 * knots
    assert off.mean() == pytest.approx(0, abs=1e-3)  # the gain is free
    assert np.ptp(off) == pytest.approx(0.45 * np.ptp(knots), rel=0.05)


def test_a_bounded_map_keeps_zero_background_and_a_gain(brain):
    data, mask = brain
    holed = np.where(np.arange(data.shape[2]) == 4, 0, data).astype(np.float32)
    matched = match_bounded(holed, mask, target=log_quantiles(holed * 3, mask))
    np.testing.assert_allclose(matched, np.where(mask, 3 * holed, 0), rtol=1e-5)


def test_a_bounded_map_of_a_series_with_few_values(brain):
    """Quantiles that are equal, as in a series of whole numbers, give a map all the same."""
    data, mask = brain
    coarse = np.where(mask, np.round(data / data[mask].mean()) + 1, 0).astype(np.float32)
    matched = match_bounded(coarse, mask, target=log_quantiles(data, mask))
    values = np.unique(coarse[mask])
    images = [np.unique(matched[mask & (coarse == value)]) for value in values]
    assert [image.size for image in images] == [1] * values.size
    assert (np.diff(np.concatenate(images)) > 0).all()
