"""Raw series: exact numbers on arrays small enough to count by hand, and the limits."""

import numpy as np
import pytest

from strokeclock.imaging import raw_series
from strokeclock.imaging.raw_series import are_copies, find_fault, measure_raw
from strokeclock.imaging.volume import Volume

GOOD = {"levels": 300, "smoothness": 0.9, "order": 1.0, "gaps": 0, "saturated": 0.0, "wrapped": 0.0}


def volume(data, spacing=(2.0, 2.0, 6.0)):
    return Volume(np.asarray(data, np.float32), np.diag([*spacing, 1.0]))


def stack(slices=12):
    """A disc that moves and fades from slice to slice, so that neighbours are most alike."""
    x, y, z = np.indices((40, 40, slices), dtype=float)
    return 1000 * np.exp(-((x - 10 - z) ** 2 + (y - 20) ** 2) / 60 - 0.05 * z)


def test_a_sound_stack():
    measured = measure_raw(volume(stack()))
    assert measured["order"] == 1
    assert measured["gaps"] == 0
    assert measured["smoothness"] > 0.9
    assert measured["wrapped"] == 0
    assert find_fault(measured) is None


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_lie_along_the_thickest_side(axis):
    spacing = np.full(3, 2.0)
    spacing[axis] = 6
    data = np.moveaxis(stack()[:, :, [4, 9, 0, 7, 2, 11, 5, 1, 10, 3, 8, 6]], 2, axis)
    assert measure_raw(volume(data, spacing))["order"] < 0.3


@pytest.mark.parametrize(
    "order",
    [
        [*range(0, 12, 2), *range(1, 12, 2)],  # odd slices behind even ones
        [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11],  # the halves interleaved
    ],
)
def test_interleaved_slices_are_out_of_order(order):
    assert measure_raw(volume(stack()[:, :, order]))["order"] <= 0.4


def test_gaps_are_counted_between_slices_and_not_at_the_ends():
    data = stack()
    data[:, :, [0, 1, 5, 8, 11]] = 0
    assert measure_raw(volume(data))["gaps"] == 2


def test_levels_and_saturation_by_hand():
    data = np.zeros((10, 10, 10))
    data[:5] = 7
    data[0] = 9
    data[1, 0, 0] = 8
    measured = measure_raw(volume(data))  # the head is what is above the mean, 3.7
    assert measured["levels"] == 3
    assert measured["saturated"] == pytest.approx(100 / 500)


def test_smoothness_is_the_correlation_of_neighbours():
    data = np.random.default_rng(0).normal(100, 1, (60, 60, 20))
    data[:, :, :3] = 0
    assert measure_raw(volume(data))["smoothness"] == pytest.approx(0, abs=0.02)


def test_overflow_inside_the_head_is_counted_and_its_edge_is_not():
    data = np.zeros((20, 20, 3))
    data[4:16, 4:16] = 1000
    assert measure_raw(volume(data))["wrapped"] == 0
    data[9:11, 9:11, 1] = 20  # one slice's fluid began again at 0: eight bright voxels beside it
    assert measure_raw(volume(data))["wrapped"] == pytest.approx(8 / (3 * 144 - 4), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": 15}, "holds 15 different values in the head: give the series, not a mask of it"),
        ({"levels": 16}, None),
        ({"smoothness": 0.49}, "shows noise: neighbouring voxels correlate by 0.49, below 0.5"),
        ({"gaps": 1}, "has 1 empty slices between others"),
        ({"order": 0.59}, "has its slices out of order: 59% are most like a neighbour, below 60%"),
        ({"saturated": 0.011}, "is saturated: 1.1% of the head have the highest value, above 1%"),
        ({"saturated": 0.01}, None),
        ({"wrapped": 0.06}, "overflowed: 6% of its brightest voxels touch a dark one, above 5%"),
        ({}, None),
    ],
)
def test_faults(change, words):
    fault = find_fault(GOOD | change)
    assert fault is None if words is None else fault.startswith(words)


def test_copies():
    rng = np.random.default_rng(0)
    data = rng.uniform(0, 1000, (30, 30, 10))
    first = volume(data)
    assert are_copies(first, first)
    assert are_copies(first, volume(0.25 * data + 30))
    assert not are_copies(first, volume(data + rng.normal(0, 20, data.shape)))
    assert not are_copies(first, volume(data, spacing=(2.0, 2.0, 5.0)))
    assert not are_copies(first, volume(np.zeros_like(data)))


def test_a_sample_stands_for_a_large_volume(monkeypatch):
    data = stack()
    whole = measure_raw(volume(data))
    monkeypatch.setattr(raw_series, "SAMPLE", 500)
    assert measure_raw(volume(data))["smoothness"] == pytest.approx(whole["smoothness"], abs=0.03)
