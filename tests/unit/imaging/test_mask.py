"""The brain mask: refined on a head whose brain is known, and taken from a stripped one."""

import numpy as np
import pytest
from scipy import ndimage

from strokeclock.errors import PatientError
from strokeclock.imaging.mask import _dilate, _erode, ball, is_stripped, refine_mask, strip_by_zeros
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume

HEAD = np.diag([0.95, 1.04, 0.97, 1.0])  # atlas world to head world


def dice(a, b):
    a, b = a.data > 0, b.data > 0
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def head(head_of):
    return head_of(HEAD)


@pytest.fixture(scope="module")
def truth(head, atlas_mask):
    return resample_mask(atlas_mask, shape=head.shape, affine=head.affine, transform=HEAD)


def test_perfect_transform_gives_the_brain(head, truth, atlas_mask):
    mask = refine_mask(head, atlas_mask, np.linalg.inv(HEAD), patient="p1")
    assert mask.same_grid(head)
    assert set(np.unique(mask.data)) == {0, 1}
    assert dice(mask, truth) > 0.965


def test_refinement_corrects_a_transform_that_is_a_little_wrong(head, truth, atlas_mask):
    """The carried-back mask is 7 mm off; the refined one is nearer to the truth."""
    off = np.eye(4)
    off[:3, 3] = (6, -3, 2)
    carried = resample_mask(atlas_mask, shape=head.shape, affine=head.affine, transform=off @ HEAD)
    mask = refine_mask(head, atlas_mask, np.linalg.inv(off @ HEAD), patient="p1")
    assert dice(mask, truth) > dice(carried, truth) + 0.02


def test_dark_fluidless_voxels_deep_inside_stay(head, truth, atlas_mask):
    """A haemorrhage or an old cavity that is black on b0 also counts as brain."""
    data = head.data.copy()
    x, y, z = np.rint(np.linalg.inv(head.affine) @ HEAD @ [-25, -20, 30, 1]).astype(int)[:3]
    data[x - 2 : x + 3, y - 2 : y + 3, z - 1 : z + 2] = 0
    mask = refine_mask(Volume(data, head.affine), atlas_mask, np.linalg.inv(HEAD), patient="p1")
    assert mask.data[x - 2 : x + 3, y - 2 : y + 3, z - 1 : z + 2].all()


def test_outside_the_atlas_a_voxel_must_be_bright(head, truth, atlas_mask):
    """5 mm outside its border muscle at half the brain's brightness stays out; bright cortex stays in."""

    def beside(brightness):
        distance = ndimage.distance_transform_edt(truth.data == 0, sampling=head.spacing)
        index = np.indices(head.shape)[0]
        shell = (distance > 0) & (distance < 6) & (index < head.shape[0] / 2)
        inner = np.median(head.data[truth.data > 0])
        data = np.where(shell, brightness * inner, head.data).astype(np.float32)
        mask = refine_mask(Volume(data, head.affine), atlas_mask, np.linalg.inv(HEAD), patient="p1")
        outermost = shell & (distance > 4.5)
        return mask.data[outermost].mean()

    assert beside(0.5) < 0.1
    assert beside(1.2) > 0.6


def test_ball_is_round_in_millimetres():
    assert ball(3.0, np.array([1.0, 1.0, 6.0])).shape == (7, 7, 1)
    assert ball(4.0, np.array([2.0, 2.0, 2.0])).sum() == 33  # points of a cubic lattice within 2 steps


def test_opening_by_a_ball_is_opening_by_distance(truth):
    inside, spacing = truth.data > 0, truth.spacing
    sphere = ball(4.0, spacing)
    deeper = ndimage.distance_transform_edt(inside, sampling=spacing) > 4.0
    wider = ndimage.distance_transform_edt(~inside, sampling=spacing) <= 4.0
    assert (_erode(inside, sphere) == deeper).all()
    assert (_dilate(inside, sphere) == wider).all()


def test_no_brain_in_the_field_of_view(head, atlas_mask):
    away = np.eye(4)
    away[0, 3] = 500
    with pytest.raises(PatientError, match="no brain found"):
        refine_mask(head, atlas_mask, away, patient="p1")


TO_ATLAS = np.linalg.inv(HEAD)
UPPER, LOWER = np.s_[:, :, 14:], np.s_[:, :, :14]


def cut(volume, part):
    """The upper or the lower slices alone, where they were."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (part[2].start or 0)
    return Volume(np.ascontiguousarray(volume.data[part]), affine)


def by_mm(truth, mm):
    """The brain's mask, larger by some mm, or smaller if they are below 0."""
    inside = truth.data > 0
    if mm < 0:
        return ndimage.distance_transform_edt(inside, sampling=truth.spacing) > -mm
    return ndimage.distance_transform_edt(~inside, sampling=truth.spacing) <= mm


@pytest.mark.parametrize("mm", [-4, 0, 3, 6])
@pytest.mark.parametrize("size", [0.85, 1.0, 1.1])
def test_stripped_head_is_recognised(head, truth, atlas_mask, mm, size):
    """By masks too small and too large, of children and of adults."""
    affine = np.diag([size, size, size, 1.0])
    stripped = Volume(head.data * by_mm(truth, mm), affine @ head.affine)
    to_atlas = TO_ATLAS @ np.linalg.inv(affine)
    assert is_stripped(stripped, atlas_mask, to_atlas)
    for part in (UPPER, LOWER):
        assert is_stripped(cut(stripped, part), atlas_mask, to_atlas)


def test_mask_of_a_stripped_head_is_what_is_left(head, truth):
    assert dice(strip_by_zeros(Volume(head.data * truth.data, head.affine)), truth) > 0.98


@pytest.mark.parametrize("threshold", [None, 20, 40, 60])
@pytest.mark.parametrize("size", [0.85, 1.0, 1.1])
def test_whole_head_is_not_taken_for_a_stripped_one(head, truth, atlas_mask, threshold, size):
    """Air alone, or air and bone set to 0; a threshold of 60 leaves 1.1 times the brain's volume."""
    affine = np.diag([size, size, size, 1.0])
    data = head.data if threshold is None else np.where(head.data > threshold, head.data, 0)
    whole = Volume(data, affine @ head.affine)
    to_atlas = TO_ATLAS @ np.linalg.inv(affine)
    assert not is_stripped(whole, atlas_mask, to_atlas)
    for part in (UPPER, LOWER):
        assert not is_stripped(cut(whole, part), atlas_mask, to_atlas)


def test_holes_of_a_stripped_head_are_filled(head, truth):
    data = head.data * truth.data
    x, y, z = np.rint(np.linalg.inv(head.affine) @ HEAD @ [-25, -20, 30, 1]).astype(int)[:3]
    data[x - 3 : x + 4, y - 3 : y + 4, z] = 0
    assert strip_by_zeros(Volume(data, head.affine)).data[x - 3 : x + 4, y - 3 : y + 4, z].all()


def test_islands_of_a_stripped_head_are_left_out(head, truth):
    """Remnants of the nose are joined to the brain in one slice and are an island in the next."""
    data = head.data * truth.data
    clean = strip_by_zeros(Volume(data, head.affine)).data
    low = np.flatnonzero(truth.data.any((0, 1)))[4]
    x = head.shape[0] // 2
    front = np.flatnonzero(truth.data[x, :, low : low + 2].any(1)).max()
    wide, far = (int(np.ceil(10 / s)) for s in head.spacing[:2])  # 10 mm
    data[x : x + wide, front - far : front + 3 * far, low + 1] = 100
    data[x : x + wide, front + 2 * far : front + 3 * far, low] = 100
    mask = strip_by_zeros(Volume(data, head.affine)).data
    assert mask[x, front + 2 * far, low + 1]  # joined to the brain in its slice
    assert (mask[:, :, low] == clean[:, :, low]).all()
