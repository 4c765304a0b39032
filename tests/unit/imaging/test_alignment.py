"""The pieces under both registrations: rotations, sampling with gradients, Gauss-Newton descent."""

import numpy as np
import pytest
from scipy import linalg, ndimage
from scipy.spatial.transform import Rotation

from strokeclock.imaging.alignment import (
    RADIUS,
    ROTATIONS,
    STRETCHES,
    Linear,
    Sampler,
    coarsen,
    descend,
    distance,
    rotation,
    start,
    weigh,
)
from strokeclock.imaging.volume import Volume


@pytest.mark.parametrize(("angle", "axis"), [("pitch", "x"), ("roll", "y"), ("yaw", "z")])
@pytest.mark.parametrize("degrees", [-22, 15, 170])
def test_rotation_turns_by_the_right_hand(angle, axis, degrees):
    expected = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    assert np.allclose(rotation(**{angle: degrees}), expected, atol=1e-9)


def test_rotation_about_three_axes_is_the_matrix_exponential():
    angles = np.deg2rad([10, -20, 30])
    expected = linalg.expm(sum(a * g for a, g in zip(angles, ROTATIONS, strict=True)))
    assert np.allclose(rotation(pitch=10, roll=-20, yaw=30), expected, atol=1e-12)


def blob(width=6.0, centre=(0, 0, 0)):
    """A smooth ellipsoid in a (40, 44, 24) grid of 2 x 2 x 4 mm, turned by 20 degrees, and its world."""
    affine = np.diag([2.0, 2, 4, 1])
    affine[:3, :3] = rotation(yaw=20) @ affine[:3, :3]
    affine[:3, 3] = -affine[:3, :3] @ [19.5, 21.5, 11.5]
    index = np.indices((40, 44, 24)).reshape(3, -1)
    world = affine[:3, :3] @ index + affine[:3, 3:] - np.array(centre)[:, None]
    scale = np.array([[3.0], [2.0], [4.0]]) * width
    data = np.exp(-((world / scale) ** 2).sum(axis=0)).reshape(40, 44, 24)
    return Volume(data.astype(np.float32), affine)


def test_gradient_is_that_of_the_world():
    volume = blob()
    sampler = Sampler(volume)
    points = np.random.default_rng(0).uniform(-12, 12, (3, 50)).astype(np.float32)
    values, slopes, inside = sampler.look_up(np.eye(4), points)
    assert inside.all()
    scale = np.array([[18.0], [12.0], [24.0]])
    assert np.allclose(slopes.T, -2 * points / scale**2 * values, atol=0.012)


def test_points_outside_the_field_of_view_are_named():
    sampler = Sampler(blob())
    points = np.array([[0, 0, 0], [200, 0, 0], [0, 0, 47.9], [0, 0, 48.1]], dtype=np.float32).T
    values, slopes, inside = sampler.look_up(np.eye(4), points)
    assert inside.tolist() == [True, False, True, False]
    assert len(values) == len(slopes) == 2


def test_values_are_scipy_s_linear_interpolation():
    volume = blob()
    pose = start({"pitch": 9, "yaw": -4}, fixed=np.zeros(3), moving=np.array([3, -2, 5]))
    points = np.random.default_rng(2).uniform(-60, 60, (3, 400)).astype(np.float32)
    values, _, inside = Sampler(volume).look_up(pose, points)
    world = (pose[:3, :3] @ points + pose[:3, 3:])[:, inside]
    inverse = np.linalg.inv(volume.affine)
    voxel = inverse[:3, :3] @ world + inverse[:3, 3:]
    assert 100 < len(values) < 400
    assert np.allclose(values, ndimage.map_coordinates(volume.data, voxel, order=1, mode="nearest"))


@pytest.mark.parametrize("groups", [None, np.arange(400) % 7])
def test_jacobian_is_that_of_finite_differences(groups):
    """Of a linear volume, whose gradient is the same everywhere; the groups' means are taken out."""
    index = np.indices((40, 44, 24))
    volume = Volume((2 * index[0] - index[1] + 3 * index[2]).astype(np.float32), blob().affine)
    points = np.random.default_rng(3).uniform(-20, 20, (3, 400)).astype(np.float32)
    weight = np.ones(400) if groups is None else 1.0 + groups
    pivot = np.array([2, -3, 4.0])
    arm = np.column_stack([np.eye(3), -pivot]) / RADIUS
    values, slopes, inside = Sampler(volume).look_up(np.eye(4), points)
    given = np.empty(0, dtype=np.int64) if groups is None else groups
    found = weigh(points, inside, arm, slopes, weight, given)
    for column in range(12):
        moved = np.eye(4)
        if column < 3:
            moved[column, 3] = 1
        else:
            entry = np.zeros((3, 3))
            entry[(column - 3) % 3, (column - 3) // 3] = 1 / RADIUS
            moved[:3, :3] += entry
            moved[:3, 3] = -entry @ pivot
        change = Sampler(volume).look_up(moved, points)[0] - values
        if groups is not None:
            change -= (np.bincount(groups, change) / np.bincount(groups))[groups]
        assert np.allclose(found[:, column], change * weight, atol=1e-4)


def test_coarsen_covers_the_same_field_of_view():
    volume = blob()
    coarse = coarsen(volume, 8.0)
    assert coarse.shape == (10, 11, 12)
    assert np.allclose(coarse.spacing, 8, atol=0.1)
    assert np.allclose(coarse.centre, volume.centre)


def test_coarsening_keeps_thick_slices():
    volume = blob()
    coarse = coarsen(volume, 3.5)
    assert coarse.shape == (23, 25, 24)
    assert np.allclose(coarse.spacing, [3.5, 3.5, 4], atol=0.05)
    assert np.allclose(coarse.centre, volume.centre)
    assert np.allclose(coarsen(volume, 2.0).data, volume.data, atol=1e-6)


@pytest.mark.parametrize(
    ("generators", "linear"),
    [(ROTATIONS, rotation(pitch=4, yaw=-8)), (STRETCHES, [[1.08, 0.05, 0], [0, 0.95, 0.03], [0.02, 0, 1.1]])],
)
def test_descent_finds_a_known_pose(generators, linear):
    """Least squares between a blob and itself, sampled by a known pose."""
    volume = blob()
    folds = np.sin(np.indices(volume.shape) * 0.4).sum(axis=0)  # an ellipsoid alone is the same in many poses
    sampler = Sampler(Volume((volume.data * (1 + 0.2 * folds)).astype(np.float32), volume.affine))
    true = np.eye(4)
    true[:3, :3], true[:3, 3] = linear, (3, -4, 5)
    points = np.random.default_rng(1).uniform(-25, 25, (3, 4000)).astype(np.float32)
    target = sampler.look_up(true, points)[0]

    def fit(values, inside):
        residual = values - target[inside]
        return float(residual @ residual), Linear(residual, np.ones_like(residual))

    pose, cost = descend(
        np.eye(4),
        points=points,
        sampler=sampler,
        fit=fit,
        generators=generators,
        iterations=40,
        tolerance=1e-4,
    )
    assert cost < 1e-3
    assert distance(pose, true, points) < 0.05


def test_start_outside_the_field_of_view_has_infinite_cost():
    away = np.eye(4)
    away[0, 3] = 1e4
    pose, cost = descend(
        away,
        points=np.zeros((3, 5), dtype=np.float32),
        sampler=Sampler(blob()),
        fit=lambda values, inside: (np.inf, None),
        generators=ROTATIONS,
        iterations=5,
        tolerance=0.02,
    )
    assert np.isinf(cost)
    assert np.array_equal(pose, away)
