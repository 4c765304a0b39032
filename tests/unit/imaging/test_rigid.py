"""FLAIR to T2w: known displacements are found although fluid is dark in one and bright in the other."""

import numpy as np
import pytest

from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.rigid import register_rigid
from strokeclock.imaging.volume import Volume

HEAD = np.array([[1, 0, 0, 5], [0, 1, 0, -8], [0, 0, 1, 12], [0, 0, 0, 1.0]])  # atlas world to T2w world


def moved(shift, **angles):
    """T2w world to FLAIR world."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(**angles)
    matrix[:3, 3] = shift
    return matrix


@pytest.fixture(scope="module")
def fixed(head_of, atlas_mask):
    t2w, dwi = (head_of(HEAD, series=series, seed=seed) for seed, series in enumerate(("t2w", "dwi")))
    return t2w, dwi, resample_mask(atlas_mask, shape=t2w.shape, affine=t2w.affine, transform=HEAD)


def error(found, true, points):
    there = HEAD[:3, :3] @ points + HEAD[:3, 3:]
    flair = true[:3, :3] @ there + true[:3, 3:]
    return np.linalg.norm(found[:3, :3] @ flair + found[:3, 3:] - there, axis=0).mean()


@pytest.mark.parametrize(
    "true",
    [
        moved((0, 0, 0)),
        moved((3, -4, 2), pitch=5, yaw=-3),
        moved((-10, 12, 8), roll=8, pitch=-12),
        moved((100, 60, -150), yaw=14),
        moved((10, -20, 15), pitch=20, roll=-10, yaw=11),  # 25 degrees in all
    ],
)
def test_known_displacement_is_found(head_of, fixed, brain_points, true):
    flair = head_of(true @ HEAD, series="flair", seed=7, shape=(110, 128, 26), spacing=(2, 2, 6.5))
    found = register_rigid(flair, *fixed)
    assert error(found, true, brain_points) < 0.7
    assert np.allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "spacing"),
    [((88, 104, 18), (2.5, 2.5, 7.5)), ((112, 112, 73), (2, 2, 2)), ((496, 512, 20), (0.45, 0.45, 6.5))],
)
def test_any_voxel_size(head_of, fixed, brain_points, shape, spacing):
    true = moved((6, -5, 4), pitch=4, yaw=5)
    found = register_rigid(head_of(true @ HEAD, series="flair", shape=shape, spacing=spacing), *fixed)
    assert error(found, true, brain_points) < 0.8


@pytest.mark.parametrize("part", [slice(0, -7), slice(7, None)])
def test_cut_field_of_view_does_not_drift(head_of, fixed, brain_points, part):
    """A quarter of the FLAIR's slices missing at the top or at the bottom."""
    true = moved((4, 2, -5), pitch=6)
    whole = head_of(true @ HEAD, series="flair")
    affine = whole.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (part.start or 0)
    found = register_rigid(Volume(whole.data[:, :, part].copy(), affine), *fixed)
    assert error(found, true, brain_points) < 1


def test_bright_scalp_and_lesion_do_not_shift_the_result(head_of, fixed, brain_points):
    """FLAIR's scalp is far brighter than brain; an infarct is bright in DWI and FLAIR alike."""
    t2w, dwi, mask = fixed
    true = moved((4, 2, -5), pitch=6)
    flair = head_of(true @ HEAD, series="flair", seed=7)
    t2w_x, flair_x = (_world(v) for v in (t2w, flair))
    centre = HEAD @ [-40, -20, 25, 1]
    dwi = Volume(np.where(_near(t2w_x, centre), 400, dwi.data).astype(np.float32), dwi.affine)
    brain = resample_mask(mask, shape=flair.shape, affine=flair.affine, transform=true).data > 0
    data = np.where(_near(flair_x, true @ centre), 600, flair.data)
    data = np.where(~brain & (data > 300), 900, data)
    found = register_rigid(Volume(data.astype(np.float32), flair.affine), t2w, dwi, mask)
    assert error(found, true, brain_points) < 1


def _world(volume):
    index = np.indices(volume.shape).reshape(3, -1)
    return (volume.affine[:3, :3] @ index + volume.affine[:3, 3:]).reshape(3, *volume.shape)


def _near(world, centre, radius=18):
    return ((world - centre[:3, None, None, None]) ** 2).sum(axis=0) < radius**2
