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


def _changed(before, after):
    return (before != after).any(dim=0).cpu().numpy()


def _sorted(values):
    return values.flatten().sort().values


def test_rates_of_zero_change_nothing(hemisphere):
    none = Rates(flip=0, shuffle=0, nonlinear=0, paint=0)
    corrupted, original = corrupt(hemisphere, np.random.default_rng(0), rates=none)
    assert torch.equal(corrupted, hemisphere)
    assert torch.equal(original, hemisphere)


@pytest.mark.parametrize("seed", range(8))
def test_range_shape_and_repetition(hemisphere, seed):
    corrupted, original = corrupt(hemisphere, np.random.default_rng(seed))
    assert corrupted.shape == SHAPE
    assert corrupted.dtype == original.dtype == torch.float32
    assert corrupted.device == original.device == hemisphere.device
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    assert not torch.equal(corrupted, original)
    again, _ = corrupt(hemisphere, np.random.default_rng(seed))
    assert torch.equal(corrupted, again)


def test_original_is_left_alone(hemisphere):
    before = hemisphere.clone()
    for seed in range(5):
        corrupt(hemisphere, np.random.default_rng(seed))
    assert torch.equal(hemisphere, before)


def test_flips_keep_the_voxels(hemisphere):
    flips = [flip(hemisphere, np.random.default_rng(seed), rate=0.4) for seed in range(40)]
    same = [torch.equal(flipped, hemisphere) for flipped in flips]
    assert 0 < sum(same) < 40
    assert all(torch.equal(_sorted(flipped), _sorted(hemisphere)) for flipped in flips[:5])


def test_one_shuffled_window_keeps_its_histogram(hemisphere):
    for seed in range(20):
        shuffled = shuffle_locally(hemisphere, np.random.default_rng(seed), windows=1)
        changed = np.argwhere(_changed(hemisphere, shuffled))
        for before, after in zip(hemisphere, shuffled, strict=True):
            assert torch.equal(_sorted(before), _sorted(after))
        if len(changed):
            sides = changed.max(axis=0) - changed.min(axis=0) + 1
            assert (sides <= np.array(SHAPE[1:]) // 10).all()


def test_many_windows_move_voxels_by_less_than_a_window(hemisphere):
    shuffled = shuffle_locally(hemisphere, np.random.default_rng(0))
    moved = _changed(hemisphere, shuffled)
    assert 0.5 < moved.mean() < 1
    assert float((shuffled.mean() - hemisphere.mean()).abs()) < 0.005
    where = {value: place for place, value in np.ndenumerate(hemisphere[0].cpu().numpy())}
    for place in np.argwhere(moved)[::5000]:
        came_from = np.array(where[shuffled[0][tuple(place)].item()])
        assert (np.abs(came_from - place) < np.array(SHAPE[1:]) // 10).all()


def test_channels_are_shuffled_apart(hemisphere):
    shuffled = shuffle_locally(hemisphere[:1].repeat(3, 1, 1, 1), np.random.default_rng(0))
    assert not torch.equal(shuffled[0], shuffled[1])


class Given:
    """A generator of given windows."""

    def __init__(self, *draws):
        self.draws = iter(draws)

    def integers(self, *_, **__):
        return next(self.draws)


def test_later_windows_overwrite_earlier_ones_and_all_read_the_original(hemisphere):
    sides, corners, seed = np.full((2, 3), (4, 4, 2)), np.array([[10, 10, 3], [12, 10, 3]]), 0
    both = shuffle_locally(hemisphere, Given(sides, corners, seed))
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
        curve = distort_intensities(ramp, np.random.default_rng(seed))[0, 0, 0].cpu().numpy()
        ends = sorted((curve[0], curve[-1]))
        assert ends == pytest.approx([0, 1])
        rising += curve[0] < curve[-1]
        if curve[0] < curve[-1]:
            assert (np.diff(curve) >= 0).all()
    assert 10 < rising < 30


def test_painted_boxes_are_of_the_right_size(hemisphere, monkeypatch):
    monkeypatch.setattr(genesis, "_BOXES", 1)
    shape = np.array(SHAPE[1:])
    for seed in range(20):
        changed = np.argwhere(_changed(hemisphere, paint_inside(hemisphere, np.random.default_rng(seed))))
        if len(changed):  # the only box is drawn in 95 of 100 cases
            first, last = changed.min(axis=0), changed.max(axis=0)
            assert (last - first + 1 >= shape // 6).all()
            assert (last - first + 1 <= shape // 3).all()
            assert (first >= 3).all()
            assert (last < shape - 3).all()
        kept = np.argwhere(~_changed(hemisphere, paint_outside(hemisphere, np.random.default_rng(seed))))
        first, last = kept.min(axis=0), kept.max(axis=0)
        assert (last - first + 1 >= shape - 4 * shape // 7).all()
        assert (last - first + 1 <= shape - 3 * shape // 7).all()
        assert (first >= 3).all()
        assert (last < shape - 3).all()


def test_noise_is_the_same_in_each_channel(hemisphere):
    for paint in (paint_inside, paint_outside):
        painted = paint(hemisphere, np.random.default_rng(0))
        noise = painted[:, torch.from_numpy(_changed(hemisphere, painted))]
        assert torch.equal(noise[0], noise[1])
        assert float(noise.std()) == pytest.approx(12**-0.5, abs=0.01)


def test_area_bounds_over_many_draws(hemisphere):
    inside = [
        _changed(hemisphere, paint_inside(hemisphere, np.random.default_rng(s))).mean() for s in range(30)
    ]
    outside = [
        _changed(hemisphere, paint_outside(hemisphere, np.random.default_rng(s))).mean() for s in range(30)
    ]
    assert max(inside) <= 5 / 27
    assert max(outside) <= 1 - (3 / 7) ** 3
    assert min(outside) >= 1 - 5 * (4 / 7 + 1 / 26) ** 3
    assert np.mean(inside) < 0.1 < 0.4 < np.mean(outside)


def test_volume_of_few_slices(hemisphere):
    for seed in range(20):
        corrupted, _ = corrupt(hemisphere[..., :8], np.random.default_rng(seed))
        assert corrupted.shape == (3, 56, 112, 8)
