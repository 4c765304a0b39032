"""Resampling through world coordinates: exact on linear ramps, anti-aliased on coarser grids."""

import numpy as np
import pytest
from scipy import ndimage

from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.resample import fit_grid, resample, resample_mask, write_transform
from strokeclock.imaging.volume import Volume


def grid(spacing, origin):
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return affine


def ramp(shape, affine):
    """A volume whose value is 3x - 2y + z + 500 in world mm."""
    x, y, z = (affine[:3, :3] @ np.indices(shape).reshape(3, -1) + affine[:3, 3:]).reshape(3, *shape)
    return Volume((3 * x - 2 * y + z + 500).astype(np.float32), affine)


def rigid(shift, **angles):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(**angles)
    matrix[:3, 3] = shift
    return matrix


def test_linear_ramp_is_exact():
    volume = ramp((30, 30, 30), grid((2, 2, 2), (-30, -30, -30)))
    target = grid((1.3, 1.1, 1.7), (-8, -9, -7))
    result = resample(volume, shape=(12, 13, 9), affine=target)
    assert np.allclose(result.data, ramp((12, 13, 9), target).data, atol=1e-3)


def test_transform_maps_moving_world_to_target_world():
    """A shift of +10 mm in x carries what lay at x = 0 to x = 10."""
    data = np.zeros((21, 21, 21), dtype=np.float32)
    data[10, 10, 10] = 1
    volume = Volume(data, grid((1, 1, 1), (-10, -10, -10)))
    result = resample(
        volume, shape=(41, 21, 21), affine=grid((1, 1, 1), (-20, -10, -10)), transform=rigid((10, 0, 0))
    )
    assert np.argwhere(result.data == 1).tolist() == [[30, 10, 10]]


def test_composition_equals_one_resampling_of_the_product():
    """On a ramp linear interpolation loses nothing, so two steps and their product agree."""
    volume = ramp((60, 60, 60), grid((1, 1, 1), (-30, -30, -30)))
    first, second = rigid((3, -2, 1), yaw=8), rigid((-1, 2, 4), pitch=-6)
    space = {"shape": (50, 50, 50), "affine": grid((1, 1, 1), (-25, -25, -25))}
    twice = resample(resample(volume, transform=first, **space), transform=second, **space)
    once = resample(volume, transform=second @ first, **space)
    middle = (slice(15, 35),) * 3
    assert np.allclose(twice.data[middle], once.data[middle], atol=1e-2)


def test_oblique_and_upright_storage_land_in_the_same_place():
    """The same function of the world, sampled on two differently tilted grids, gives the same result."""
    tilt = rigid((0, 0, 0), pitch=15, yaw=-10)
    upright, oblique = (
        ramp((60, 60, 60), a) for a in (grid((1, 1, 1), (-30,) * 3), tilt @ grid((1, 1, 1), (-30,) * 3))
    )
    space = {"shape": (16, 16, 16), "affine": grid((2, 2, 2), (-15,) * 3)}
    assert np.allclose(*(resample(v, **space).data for v in (upright, oblique)), atol=2e-2)


def test_field_of_view_ends_half_a_voxel_beyond_the_last_centre():
    volume = Volume(np.full((4, 4, 4), 7, dtype=np.float32), grid((2, 2, 2), (0, 0, 0)))
    line = resample(volume, shape=(20, 1, 1), affine=grid((0.5, 2, 2), (-2, 2, 2)))
    x = -2 + 0.5 * np.arange(20)
    assert np.array_equal(line.data[:, 0, 0], np.where((x >= -1) & (x <= 7), 7, 0))


def test_thick_target_slices_average_all_thin_ones():
    """Alternating thin slices must average out, not alias, and the wanted width is FWHM² = grid² - voxel²."""
    data = np.zeros((3, 3, 60), dtype=np.float32)
    data[..., ::2] = 100
    volume = Volume(data, grid((1, 1, 1), (0, 0, 0)))
    thick = resample(volume, shape=(3, 3, 9), affine=grid((1, 1, 6), (0, 0, 6)))
    assert np.allclose(thick.data[..., 1:-1], 50, atol=0.5)
    spike = np.zeros((1, 1, 61), dtype=np.float32)
    spike[..., 30] = 1
    sigma = np.sqrt(36 - 1) / 2.3548
    got = resample(Volume(spike, volume.affine), shape=(1, 1, 11), affine=grid((1, 1, 6), (0, 0, 0)))
    assert np.allclose(got.data[0, 0], ndimage.gaussian_filter1d(spike[0, 0], sigma)[::6], atol=1e-6)


def test_finer_grids_are_not_smoothed():
    data = np.random.default_rng(0).random((9, 9, 9), dtype=np.float32)
    fine = resample(
        Volume(data, grid((2, 2, 2), (0, 0, 0))), shape=(17, 17, 17), affine=grid((1, 1, 1), (0, 0, 0))
    )
    assert np.allclose(fine.data[::2, ::2, ::2], data, atol=1e-6)


@pytest.mark.parametrize("turn", [0, 7])
def test_matches_scipy_smoothing_and_interpolation(turn):
    """Parallel axes have other code than turned ones: both against scipy on the whole volume."""
    data = np.random.default_rng(0).random((20, 17, 31), dtype=np.float32)
    volume = Volume(data, grid((1, 1.5, 1), (-8, -9, -15)))
    target, transform = grid((1.4, 1.1, 5.0), (-11, -10, -13)), rigid((1, 2, 0.5), yaw=turn, pitch=turn)
    got = resample(volume, shape=(18, 19, 6), affine=target, transform=transform).data

    matrix = np.linalg.inv(transform @ volume.affine) @ target
    points = np.tensordot(matrix[:3, :3], np.indices((18, 19, 6)), 1) + matrix[:3, 3].reshape(3, 1, 1, 1)
    sigma = np.sqrt(np.maximum(np.abs(np.diag(matrix)[:3]) ** 2 - 1, 0)) / 2.3548
    expected = ndimage.map_coordinates(
        ndimage.gaussian_filter(data, sigma, mode="nearest"), points, order=1, mode="nearest"
    )
    inside = np.all([(p >= -0.5) & (p <= n - 0.5) for p, n in zip(points, data.shape, strict=True)], axis=0)
    assert 0.5 < inside.mean() < 1
    assert np.allclose(got, expected * inside, atol=1e-4)


@pytest.mark.parametrize("turn", [0, 7])
def test_voxels_that_are_not_wanted_change_no_other(turn):
    volume = Volume(np.random.default_rng(1).random((20, 20, 20), dtype=np.float32), np.eye(4))
    wanted = np.zeros((12, 12, 4), dtype=bool)
    wanted[3:9, 2:7, 1:3] = True
    space = {
        "shape": wanted.shape,
        "affine": grid((1.5, 1.5, 5), (0, 0, 0)),
        "transform": rigid((0,) * 3, yaw=turn),
    }
    everything = resample(volume, **space).data
    assert np.allclose(resample(volume, inside=wanted, **space).data, everything * wanted, atol=1e-6)
    assert not resample(volume, inside=np.zeros_like(wanted), **space).data.any()


def test_mask_stays_a_mask():
    data = np.zeros((20, 20, 20), dtype=np.float32)
    data[5:15, 5:15, 5:15] = 1
    mask = resample_mask(Volume(data, np.eye(4)), shape=(40, 40, 40), affine=grid((0.5,) * 3, (0, 0, 0)))
    assert set(np.unique(mask.data)) == {0, 1}
    assert np.flatnonzero(mask.data[:, 20, 20]).tolist() == list(range(9, 30))  # 4.5 to 14.5


@pytest.mark.parametrize("origin", [(-98, -134, -72), (-90, -126, -72), (-91, -126, -72)])
def test_grid_covers_the_field_of_view_with_x_symmetric(origin):
    volume = Volume(np.zeros((197, 233, 189), dtype=np.float32), grid((1, 1, 1), origin))
    affine = fit_grid(volume, (224, 224, 26))
    columns = affine[0, 0] * np.arange(224) + affine[0, 3]
    assert np.allclose(columns, -columns[::-1])
    assert columns[111] < 0 < columns[112]
    low, high = affine @ [-0.5, -0.5, -0.5, 1], affine @ [223.5, 223.5, 25.5, 1]
    assert low[0] <= origin[0] - 0.5 + 1e-9
    assert high[0] >= origin[0] + 196.5 - 1e-9
    assert np.allclose(low[1:3], np.array(origin[1:]) - 0.5)
    assert np.allclose(high[1:3], np.array(origin[1:]) - 0.5 + [233, 189])


def test_transform_is_written_as_text(tmp_path):
    matrix = rigid((1.5, -2.25, 100), yaw=3)
    write_transform(tmp_path / "deep" / "t.txt", matrix)
    assert np.allclose(np.loadtxt(tmp_path / "deep" / "t.txt"), matrix, atol=1e-8)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["t.txt"]
