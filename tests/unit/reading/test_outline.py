"""The outlined lesion in numbers, by hand, and on the voxels of a DWI in any order of axes."""

import nibabel as nib
import numpy as np
import pytest

from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.reading.outline import ON_DWI, carry_to_dwi, measure_lesion, write_on_grid

AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
AFFINE[0, 3] = -9.0  # x = 0 between the columns 4 and 5 of 10
GROWTH = np.diag([1.25, 1.0, 1.0, 1.0])  # the head is a quarter larger on the atlas grid


def volumes():
    """Series that are 2 on the left and 1 on the right; FLAIR 3 and 1; ADC .5e-3 and .8e-3."""
    sided = {"t2w": (2, 1), "dwi": (2, 1), "flair": (3, 1), "adc": (0.5e-3, 0.8e-3)}
    made = {}
    for name, (left, right) in sided.items():
        data = np.full((10, 8, 4), right, np.float32)
        data[:5] = left
        made[name] = Volume(data, AFFINE)
    return made


def test_ratios_are_to_the_mirrored_voxels():
    lesion, brain = np.zeros((2, 10, 8, 4), bool)
    lesion[1:3, 2:5, 1] = True
    brain[:] = True
    found = measure_lesion(lesion, volumes(), brain, to_atlas=GROWTH, source=ON_DWI)
    assert found.ratios == pytest.approx({"t2w": 2.0, "dwi": 2.0, "flair": 3.0})
    assert (found.adc, found.adc_contralateral) == pytest.approx((0.5, 0.8))
    assert found.volume_ml == pytest.approx(6 * 20 / 1000 / 1.25)
    assert found.source == ON_DWI


def test_mirrored_voxels_hold_brain_and_no_lesion():
    lesion, brain = np.zeros((2, 10, 8, 4), bool)
    lesion[1:3, 2:5, 1] = True
    brain[:] = True
    series = volumes()
    series["dwi"].data[7, 2:5, 1] = 100  # the mirror of column 2
    lesion[7, 2:5, 1] = True  # a lesion there, too
    series["dwi"].data[8, 2, 1] = 50  # of the mirror of column 1, where there is no brain
    brain[8, 2, 1] = False
    found = measure_lesion(lesion, series, brain, to_atlas=np.eye(4), source=ON_DWI)
    # in the lesion: six voxels of 2 and three of 100; mirrored: columns 8 without the one, all 1
    assert found.ratios["dwi"] == pytest.approx((6 * 2 + 3 * 100) / 9)


@pytest.mark.parametrize("case", ["no lesion", "outside the brain", "no mirrored brain"])
def test_without_two_sides_there_is_no_number(case):
    lesion, brain = np.zeros((2, 10, 8, 4), bool)
    lesion[1, 2, 1] = case != "no lesion"
    brain[:] = case == "no lesion"
    brain[1, 2, 1] = case == "no mirrored brain"
    assert measure_lesion(lesion, volumes(), brain, to_atlas=np.eye(4), source=ON_DWI) is None


@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAI", "SRA"])
def test_a_mask_has_the_voxel_order_of_the_raw_series(tmp_path, axes):
    ras = nib.Nifti1Image(np.arange(10 * 8 * 6, dtype=np.int16).reshape(10, 8, 6), AFFINE)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes)
    )
    raw = ras.as_reoriented(turn)
    nib.save(raw, tmp_path / "dwi.nii.gz")
    mask = np.zeros((10, 8, 6), np.float32)
    mask[2, 5, 1] = 1
    write_on_grid(tmp_path / "lesion.nii.gz", Volume(mask, AFFINE), like=tmp_path / "dwi.nii.gz")
    written = nib.load(tmp_path / "lesion.nii.gz")
    assert written.shape == raw.shape
    assert np.allclose(written.affine, raw.affine)
    assert raw.get_fdata()[np.asarray(written.dataobj) > 0].tolist() == [ras.get_fdata()[2, 5, 1]]


def test_a_lesion_keeps_place_and_volume_on_the_dwi(tmp_path):
    lesion = np.zeros((10, 8, 4), bool)
    lesion[1:3, 2:5, 1:3] = True
    moved = np.eye(4)
    moved[:3, 3] = (4.0, -2.0, 5.0)  # DWI world to atlas world
    wide = AFFINE.copy()
    wide[0, 3] = -19.0
    dwi = Volume(np.ones((16, 12, 6), np.float32), wide)
    found = carry_to_dwi(lesion, atlas=volumes()["dwi"], dwi=dwi, to_atlas=moved)
    assert found.data.sum() == lesion.sum()
    middle = nib.affines.apply_affine(AFFINE, np.argwhere(lesion)).mean(axis=0)
    carried = nib.affines.apply_affine(moved @ wide, np.argwhere(found.data > 0)).mean(axis=0)
    assert carried == pytest.approx(middle, abs=1e-6)


def test_read_back_it_lies_where_it_was(tmp_path):
    nib.save(
        nib.Nifti1Image(np.arange(480, dtype=np.int16).reshape(10, 8, 6), AFFINE), tmp_path / "dwi.nii.gz"
    )
    mask = np.zeros((10, 8, 6), np.float32)
    mask[2:4, 5, 1] = 1
    write_on_grid(tmp_path / "lesion.nii.gz", Volume(mask, AFFINE), like=tmp_path / "dwi.nii.gz")
    read = read_volume(tmp_path / "lesion.nii.gz", patient="p", series="lesion")
    assert np.array_equal(read.data, mask)
