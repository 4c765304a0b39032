import numpy as np
import pytest
import torch

from strokeclock.pretraining import genesis
from strokeclock.pretraining.genesis import (
    Rates,
    corrupt,
    distort_intensities,
    flip,
    paint_inside,
    paint_outside,
    shuffle_locally,
)
from strokeclock.training.device import choose_device

SHAPE = (3, 56, 112, 26)


@pytest.fixture
def hemisphere(device):
    """Each voxel of a channel has a value of its own."""
    values = np.linspace(0, 1, int(np.prod(SHAPE)), dtype=np.float32)
    values = np.random.default_rng(1).permutation(values).reshape(SHAPE)
    return torch.from_numpy(values).to(choose_device(device, threads=1))


def _draw(seed):
    """The generator of a batch of one hemisphere."""
    return [np.random.default_rng(seed)]


def _alone(corruption, hemisphere, generators, **options):
    (corrupted,) = corruption(hemisphere[None], generators, **options)
    return corrupted


def _changed(before, after):
    return (before != after).any(dim=0).cpu().numpy()


def _sorted(values):
    return values.flatten().sort().values


def test_rates_of_zero_change_nothing(hemisphere):
    none = Rates(flip=0, shuffle=0, nonlinear=0, paint=0)
    corrupted, original = corrupt(hemisphere[None], _draw(0), rates=none)
    assert torch.equal(corrupted[0], hemisphere)
    assert torch.equal(original[0], hemisphere)


@pytest.mark.parametrize("seed", range(8))
def test_range_shape_and_repetition(hemisphere, seed):
    corrupted, original = corrupt(hemisphere[None], _draw(seed))
    assert corrupted.shape == (1, *SHAPE)
    assert corrupted.dtype == original.dtype == torch.float32
    assert corrupted.device == original.device == hemisphere.device
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    assert not torch.equal(corrupted, original)
    again, _ = corrupt(hemisphere[None], _draw(seed))
    assert torch.equal(corrupted, again)


def test_each_hemisphere_is_corrupted_by_its_own_generator_alone(hemisphere):
    """A batch gives what batches of one give: all four corruptions happen to some of these hemispheres."""
    hemispheres = torch.stack([hemisphere, hemisphere.flip(1), hemisphere.flip(2), hemisphere.flip(3)])
    together = corrupt(hemispheres, [np.random.default_rng(seed) for seed in range(4)])
    for seed, (corrupted, original) in enumerate(zip(*together, strict=True)):
        alone = corrupt(hemispheres[seed : seed + 1], _draw(seed))
        assert torch.equal(corrupted, alone[0][0])
        assert torch.equal(original, alone[1][0])


def test_original_is_left_alone(hemisphere):
    before = hemisphere.clone()
    for seed in range(5):
        corrupt(hemisphere[None], _draw(seed))
    assert torch.equal(hemisphere, before)


def test_flips_keep_the_voxels(hemisphere):
    flips = [flip(hemisphere, np.random.default_rng(seed), rate=0.4) for seed in range(40)]
    same = [torch.equal(flipped, hemisphere) for flipped in flips]
    assert 0 < sum(same) < 40
    assert all(torch.equal(_sorted(flipped), _sorted(hemisphere)) for flipped in flips[:5])


def test_one_shuffled_window_keeps_its_histogram(hemisphere):
    for seed in range(20):
        shuffled = _alone(shuffle_locally, hemisphere, _draw(seed), windows=1)
        changed = np.argwhere(_changed(hemisphere, shuffled))
        for before, after in zip(hemisphere, shuffled, strict=True):
            assert torch.equal(_sorted(before), _sorted(after))
        if len(changed):
            sides = changed.max(axis=0) - changed.min(axis=0) + 1
            assert (sides <= np.array(SHAPE[1:]) // 10).all()


def test_many_windows_move_voxels_by_less_than_a_window(hemisphere):
    shuffled = _alone(shuffle_locally, hemisphere, _draw(0))
    moved = _changed(hemisphere, shuffled)
    assert 0.5 < moved.mean() < 1
    assert float((shuffled.mean() - hemisphere.mean()).abs()) < 0.005
    where = {value: place for place, value in np.ndenumerate(hemisphere[0].cpu().numpy())}
    for place in np.argwhere(moved)[::5000]:
        came_from = np.array(where[shuffled[0][tuple(place)].item()])
        assert (np.abs(came_from - place) < np.array(SHAPE[1:]) // 10).all()


def test_channels_are_shuffled_apart(hemisphere):
    shuffled = _alone(shuffle_locally, hemisphere[:1].repeat(3, 1, 1, 1), _draw(0))
    assert not torch.equal(shuffled[0], shuffled[1])


class Given:
    """A generator of given windows."""

    def __init__(self, *draws):
        self.draws = iter(draws)

    def integers(self, *_, **__):
        return next(self.draws)


def test_later_windows_overwrite_earlier_ones_and_all_read_the_original(hemisphere):
    sides, corners, seed = np.full((2, 3), (4, 4, 2)), np.array([[10, 10, 3], [12, 10, 3]]), 0
    both = _alone(shuffle_locally, hemisphere, [Given(sides, corners, seed)], windows=2)
    first, second = hemisphere[:, 10:14, 10:14, 3:5], hemisphere[:, 12:16, 10:14, 3:5]
    shuffled = both[:, 12:16, 10:14, 3:5]
    for before, after in zip(second, shuffled, strict=True):
        assert torch.equal(_sorted(before), _sorted(after))  # the later window is whole
    for before, after in zip(first, both[:, 10:12, 10:14, 3:5], strict=True):
        assert torch.isin(after, before).all()  # what is left of the earlier one
    outside = both.clone()
    outside[:, 10:16, 10:14, 3:5] = hemisphere[:, 10:16, 10:14, 3:5]
    assert torch.equal(outside, hemisphere)


def test_intensity_maps_are_monotone_and_reach_the_ends(device):
    ramp = torch.linspace(0, 1, 501, device=device).expand(1, 2, 2, 501)
    rising = 0
    for seed in range(40):
        curve = _alone(distort_intensities, ramp, _draw(seed))[0, 0, 0].cpu().numpy()
        ends = sorted((curve[0], curve[-1]))
        assert ends == pytest.approx([0, 1])
        rising += curve[0] < curve[-1]
        if curve[0] < curve[-1]:
            assert (np.diff(curve) >= 0).all()
    assert 10 < rising < 30


def test_the_curve_is_the_cubic_of_its_points(device):
    """Against numpy's interpolation of the same samples, rising and falling."""
    ramp = torch.linspace(0, 1, 501, device=device).expand(1, 2, 2, 501)
    t = np.linspace(1, 0, 10_000)
    for seed in range(6):
        generator = np.random.default_rng(seed)
        points = np.array([[0, 0], *generator.random((2, 2)), [1, 1]])
        bernstein = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
        x, y = points.T @ bernstein
        if generator.random() >= 0.5:
            y = np.sort(y)
        expected = np.interp(np.linspace(0, 1, 501), np.sort(x), y)
        curve = _alone(distort_intensities, ramp, _draw(seed))[0, 0, 0].cpu().numpy()
        np.testing.assert_allclose(curve, expected, atol=1e-3)


def test_painted_boxes_are_of_the_right_size(hemisphere, monkeypatch):
    monkeypatch.setattr(genesis, "_BOXES", 1)
    shape = np.array(SHAPE[1:])
    for seed in range(20):
        changed = np.argwhere(_changed(hemisphere, _alone(paint_inside, hemisphere, _draw(seed))))
        if len(changed):  # the only box is drawn in 95 of 100 cases
            first, last = changed.min(axis=0), changed.max(axis=0)
            assert (last - first + 1 >= shape // 6).all()
            assert (last - first + 1 <= shape // 3).all()
            assert (first >= 3).all()
            assert (last < shape - 3).all()
        kept = np.argwhere(~_changed(hemisphere, _alone(paint_outside, hemisphere, _draw(seed))))
        first, last = kept.min(axis=0), kept.max(axis=0)
        assert (last - first + 1 >= shape - 4 * shape // 7).all()
        assert (last - first + 1 <= shape - 3 * shape // 7).all()
        assert (first >= 3).all()
        assert (last < shape - 3).all()


def test_noise_is_the_same_in_each_channel(hemisphere):
    for paint in (paint_inside, paint_outside):
        painted = _alone(paint, hemisphere, _draw(0))
        noise = painted[:, torch.from_numpy(_changed(hemisphere, painted))]
        assert torch.equal(noise[0], noise[1])
        assert float(noise.std()) == pytest.approx(12**-0.5, abs=0.01)


def test_area_bounds_over_many_draws(hemisphere):
    inside = [_changed(hemisphere, _alone(paint_inside, hemisphere, _draw(s))).mean() for s in range(30)]
    outside = [_changed(hemisphere, _alone(paint_outside, hemisphere, _draw(s))).mean() for s in range(30)]
    assert max(inside) <= 5 / 27
    assert max(outside) <= 1 - (3 / 7) ** 3
    assert min(outside) >= 1 - 5 * (4 / 7 + 1 / 26) ** 3
    assert np.mean(inside) < 0.1 < 0.4 < np.mean(outside)


def test_volume_of_few_slices(hemisphere):
    for seed in range(20):
        corrupted, _ = corrupt(hemisphere[None, ..., :8], _draw(seed))
        assert corrupted.shape == (1, 3, 56, 112, 8)
