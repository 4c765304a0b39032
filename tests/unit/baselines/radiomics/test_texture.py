"""Textures against the published reference values of the IBSI, and binary patterns in closed form."""

import numpy as np
import pytest

from strokeclock.baselines.radiomics.texture import (
    LONGEST,
    count_pairs,
    count_runs,
    describe_pairs,
    describe_runs,
    find_patterns,
)

# The IBSI's digital phantom (reference manual, chapter 5), slice by slice; 0 lies outside the region.
SLICES = [
    [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
    [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
]
PHANTOM = np.array(SLICES).transpose(2, 1, 0)  # x, y, z
REGION = PHANTOM > 0
# Its reference values for one matrix of all directions and slices (2.5D, merged).
PAIRS = {
    "energy": 0.277,
    "entropy": 2.61,
    "dissimilarity": 1.44,
    "contrast": 5.29,
    "inverse_difference": 0.673,
    "correlation": 0.182,
    "inverse_difference_moment": 0.613,
    "autocorrelation": 5.45,
    "cluster_shade": 16.4,
    "cluster_prominence": 142,
    "maximum_probability": 0.492,
    "sum_of_squares": 3.24,
    "sum_average": 4.41,
    "sum_variance": 7.65,
    "sum_entropy": 2.14,
    "difference_variance": 3.23,
    "difference_entropy": 1.67,
    "information_1": -0.0334,
    "information_2": 0.291,
    "inverse_difference_normalised": 0.850,
    "inverse_difference_moment_normalised": 0.899,
}
RUNS = {
    "short_run": 0.680,
    "long_run": 3.27,
    "low_level": 0.585,
    "high_level": 10.2,
    "short_run_low_level": 0.312,
    "short_run_high_level": 9.05,
    "long_run_low_level": 2.63,
    "long_run_high_level": 17.0,
    "level_non_uniformity": 77.1,
    "length_non_uniformity": 83.2,
    "run_percentage": 0.632,
}


def agree(value, published):
    """Whether a value rounds to the three digits that are published, a tie either way."""
    return value == pytest.approx(published, abs=0.51 * 10 ** (np.floor(np.log10(abs(published))) - 2))


@pytest.mark.parametrize("name", PAIRS)
def test_co_occurrences_have_the_published_values(name):
    found = describe_pairs(count_pairs(PHANTOM, REGION, count=6))
    assert agree(found[name], PAIRS[name])


@pytest.mark.parametrize("name", RUNS)
def test_runs_have_the_published_values(name):
    found = describe_runs(count_runs(PHANTOM, REGION, count=6), voxels=REGION.sum())
    assert agree(found[name], RUNS[name])


def test_no_number_lacks_a_published_value():
    assert list(describe_pairs(np.ones((2, 2)))) == list(PAIRS)
    assert list(describe_runs(np.ones((2, 2)), voxels=1)) == list(RUNS)


def test_pairs_are_neighbours_in_plane_and_in_the_region():
    """Two slices of 2 x 2: levels 1 2 / 1 2, and one voxel of level 3 beside three outside the region."""
    levels = np.ones((2, 2, 2), int)
    levels[1, :, 0] = 2
    levels[0, 0, 1] = 3
    region = np.ones((2, 2, 2), bool)
    region[:, :, 1] = levels[:, :, 1] == 3
    expected = np.zeros((3, 3))
    expected[0, 0] = expected[1, 1] = 2  # along y
    expected[0, 1] = expected[1, 0] = 2 + 2  # along x, and along both diagonals
    assert np.array_equal(count_pairs(levels, region, count=3), expected)


def test_runs_of_one_level_are_lines_of_the_region():
    """A slice of 3 x 2: along x two runs of 3; along y three of 2; along each diagonal two of 2, two of 1."""
    runs = count_runs(np.ones((3, 2, 1), int), np.ones((3, 2, 1), bool), count=1)
    assert runs[0, :3].tolist() == [4, 3 + 4, 2]
    assert not runs[0, 3:].any()


def test_the_region_and_the_slices_end_runs():
    levels, region = np.ones((5, 1, 2), int), np.ones((5, 1, 2), bool)
    region[2, 0, 0] = False
    runs = count_runs(levels, region, count=1)
    assert runs[0, [1, 4]].tolist() == [2, 1]  # along x: 2 and 2 in one slice, 5 in the other
    assert runs[0, 0] == 3 * 9  # along the other directions each of 9 voxels


def test_longer_runs_count_as_the_longest():
    length = LONGEST + 8
    runs = count_runs(np.ones((length, 1, 1), int), np.ones((length, 1, 1), bool), count=1)
    assert runs[0, -1] == 1
    assert runs.sum() == 1 + 3 * length


def test_one_level_alone_has_no_correlation_and_no_information():
    found = describe_pairs(count_pairs(np.full((4, 4, 1), 5), np.ones((4, 4, 1), bool)))
    assert {name for name, value in found.items() if np.isnan(value)} == {"correlation", "information_1"}
    assert (found["energy"], found["entropy"], found["contrast"]) == (1, 0, 0)


def test_a_voxel_without_neighbours_has_no_pairs():
    region = np.zeros((3, 3, 1), bool)
    region[1, 1, 0] = True
    assert np.isnan(describe_pairs(count_pairs(np.ones((3, 3, 1), int), region))["contrast"])


@pytest.mark.parametrize("level", [1, 7, 256, 381, 4000])
def test_the_pattern_of_a_flat_image_has_all_bits(level):
    patterns = find_patterns(np.full((6, 6, 2), level))
    assert np.all(patterns[1:-1, 1:-1] == 0b11111111)


def test_patterns_of_a_peak_an_edge_and_a_line():
    peak = np.ones((5, 5, 1), int)
    peak[2, 2] = 9
    assert find_patterns(peak)[2, 2, 0] == 0
    edge = np.ones((6, 6, 1), int)
    edge[3:] = 9
    assert find_patterns(edge)[3, 2, 0] == 0b11111  # along the edge and behind it
    assert find_patterns(edge)[2, 2, 0] == 0b11111111
    line = np.ones((5, 5, 1), int)
    line[2] = 9
    assert find_patterns(line)[2, 2, 0] == 0b10001


def test_patterns_do_not_depend_on_rotation():
    values = np.random.default_rng(0).integers(1, 256, (12, 12, 1))
    turned = find_patterns(np.rot90(values))
    assert np.array_equal(turned[1:-1, 1:-1], np.rot90(find_patterns(values))[1:-1, 1:-1])
