"""The affine registration: known transforms of a head with other intensities are found again."""

import numpy as np
import pytest

from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume


def pose(*, shift=(0, 0, 0), stretch=None, **angles):
    """Atlas world to head world."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(**angles) @ (np.eye(3) if stretch is None else np.array(stretch))
    matrix[:3, 3] = shift
    return matrix


def error(found, true, points):
    """Mean distance (mm) in atlas space between where a head point should go and where it goes."""
    head = true[:3, :3] @ points + true[:3, 3:]
    return np.linalg.norm(found[:3, :3] @ head + found[:3, 3:] - points, axis=0).mean()


STRETCH = [[0.93, 0.04, 0], [0.02, 1.06, -0.05], [0, 0.04, 0.96]]


@pytest.mark.parametrize(
    "true",
    [
        pose(),
        pose(stretch=STRETCH, shift=(12, -20, 30), pitch=6),
        pose(shift=(250, -400, 90), pitch=22),
        pose(shift=(-30, 0, 60), yaw=-22, stretch=STRETCH),
        pose(roll=22, pitch=-10),
        pose(yaw=15, roll=15, pitch=-15, shift=(0, 0, -80)),
    ],
)
def test_known_transform_is_found(atlas, atlas_mask, head_of, brain_points, true):
    found = register_affine(head_of(true), atlas, atlas_mask)
    assert error(found, true, brain_points) < 0.6  # a fifth of the finest level's voxel


@pytest.mark.parametrize(
    ("dof", "scales"), [(6, (1, 1, 1)), (7, (0.93, 0.93, 0.93)), (9, (0.93, 1.06, 0.98))]
)
def test_degrees_of_freedom(atlas, atlas_mask, head_of, brain_points, dof, scales):
    """A head within the degrees of freedom is found, and the result never has more of them."""
    true = pose(stretch=np.diag(scales), shift=(12, -20, 30), pitch=8, yaw=-6)
    found = register_affine(head_of(true), atlas, atlas_mask, dof=dof)
    assert error(found, true, brain_points) < 0.8
    gram = np.linalg.inv(found)[:3, :3].T @ np.linalg.inv(found)[:3, :3]  # of rotation and scales alone
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-6)
    if dof < 9:
        assert np.allclose(np.diag(gram), 1 if dof == 6 else gram[0, 0], atol=1e-6)


def test_cut_field_of_view_does_not_drift(atlas, atlas_mask, head_of, brain_points):
    """Four centimetres of the vertex, or the cerebellum, missing: the rest is still registered."""
    whole = head_of(pose(pitch=8))
    for part in (slice(0, -7), slice(7, None)):
        affine = whole.affine.copy()
        affine[:3, 3] += affine[:3, 2] * (part.start or 0)
        found = register_affine(Volume(whole.data[:, :, part].copy(), affine), atlas, atlas_mask)
        assert error(found, pose(pitch=8), brain_points) < 2


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((88, 104, 18), (2.5, 2.5, 7.5)), ((112, 112, 73), (2, 2, 2)), ((496, 512, 20), (0.45, 0.45, 6.5))],
)
def test_any_voxel_size(atlas, atlas_mask, head_of, brain_points, shape, spacing):
    true = pose(stretch=STRETCH, shift=(200, -200, 200), pitch=-25)
    found = register_affine(head_of(true, shape=shape, spacing=spacing), atlas, atlas_mask)
    assert error(found, true, brain_points) < 1


def test_large_lesion_does_not_shift_the_result(atlas, atlas_mask, head_of, brain_points):
    """A third of a hemisphere as bright as fluid."""
    true = pose(yaw=10, stretch=STRETCH)
    head = head_of(true)
    centre = true @ [-42, -20, 20, 1]
    world = np.tensordot(head.affine[:3, :3], np.indices(head.shape), axes=1)
    offset = world + (head.affine[:3, 3] - centre[:3])[:, None, None, None]
    lesion = (np.linalg.norm(offset, axis=0) < 35) & (head.data > 100)
    data = np.where(lesion, 700, head.data).astype(np.float32)
    assert 150 < lesion.sum() * np.prod(head.spacing) / 1000 < 200  # mL
    assert error(register_affine(Volume(data, head.affine), atlas, atlas_mask), true, brain_points) < 1.5


def test_stripped_head(atlas, atlas_mask, head_of, brain_points):
    head = head_of(pose(yaw=10))
    mask = resample_mask(atlas_mask, shape=head.shape, affine=head.affine, transform=pose(yaw=10))
    found = register_affine(Volume(head.data * mask.data, head.affine), atlas, atlas_mask)
    assert (
        error(found, pose(yaw=10), brain_points) < 1.5
    )  # a sharp cut at half a voxel's brain is a smaller brain


def test_left_stays_left(atlas, atlas_mask, head_of):
    """A bright spot in the left hemisphere lies left in the atlas, though the brain itself is symmetric."""
    true = pose(yaw=12, shift=(40, 0, 0))
    found = register_affine(head_of(true), atlas, atlas_mask)
    assert np.linalg.det(found[:3, :3]) > 0
    assert (found @ true @ [-40, -10, 20, 1])[0] < -35


def test_same_input_gives_the_same_numbers(atlas, atlas_mask, head_of):
    head = head_of(pose(pitch=5), shape=(56, 64, 28), spacing=(4, 4, 6))
    assert np.array_equal(*(register_affine(head, atlas, atlas_mask) for _ in range(2)))
