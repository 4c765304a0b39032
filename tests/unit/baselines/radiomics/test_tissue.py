"""Tissue maps as SPM writes them give brain and white matter; wrong ones are refused with their name."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from strokeclock.baselines.radiomics.maps import CLASSES, find_maps
from strokeclock.baselines.radiomics.tissue import read_tissues
from strokeclock.errors import PatientError
from strokeclock.imaging.volume import Volume

GRID = (48, 50, 20)
AFFINE = np.diag([2.0, 2.0, 6.0, 1.0])
LIKE = Volume(np.zeros(GRID, np.float32), AFFINE)


@pytest.fixture
def shares():
    """A brain of 30 x 30 x 14 voxels with a hole, white matter inside, and a part of 9,999 voxels apart."""
    grey, white, fluid = (np.zeros(GRID) for _ in range(3))
    grey[2:32, 2:32, 2:16] = 0.4
    fluid[2:32, 2:32, 2:16] = 0.2
    white[8:26, 8:26, 5:13] = 1
    grey[8:26, 8:26, 5:13] = fluid[8:26, 8:26, 5:13] = 0
    white[16, 16, 9] = 0  # the hole
    white[8:10, 8:26, 5:13] = 0.69
    return dict(zip(CLASSES, (grey, white, fluid), strict=True))


def save(folder, shares, *, affine=AFFINE, ending=".nii"):
    (folder / "one").mkdir(exist_ok=True)
    for name, stem in CLASSES.items():
        image = nib.Nifti1Image(np.rint(shares[name] * 255).astype(np.uint8), affine)
        image.header.set_slope_inter(1 / 255, 0)  # as SPM stores shares
        nib.save(image, folder / "one" / f"{stem}{ending}")


def read(folder, grid=LIKE):
    return read_tissues(folder, patient="one", grid=grid, white_matter_share=0.7)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_brain_and_white_matter(tmp_path, shares, ending):
    save(tmp_path, shares, ending=ending)
    brain, white = read(tmp_path)
    expected = np.zeros(GRID, bool)
    expected[2:32, 2:32, 2:16] = True
    assert np.array_equal(brain, expected)
    expected[:] = False
    expected[10:26, 8:26, 5:13] = True
    expected[16, 16, 9] = False
    assert np.array_equal(white, expected)


@pytest.mark.parametrize(("voxels", "stays"), [(9_999, False), (10_000, True)])
def test_small_parts_are_no_brain(tmp_path, shares, voxels, stays):
    grid = (48, 90, 20)
    padded = {name: np.pad(values, ((0, 0), (0, 40), (0, 0))) for name, values in shares.items()}
    part = np.zeros(grid, bool)
    part[2:27, 40:65, 2:18] = True  # 10,000 voxels
    part[2, 40, 2] = voxels == 10_000
    padded["grey matter"][part] = 1
    save(tmp_path, padded)
    brain, _ = read(tmp_path, Volume(np.zeros(grid, np.float32), AFFINE))
    assert ndimage.label(brain)[1] == 1 + stays


def test_a_missing_map_is_named(tmp_path, shares):
    save(tmp_path, shares)
    assert set(find_maps(tmp_path, "one")) == set(CLASSES)
    (tmp_path / "one" / "c2adc.nii").unlink()
    assert find_maps(tmp_path, "one")["white matter"] is None
    with pytest.raises(PatientError, match=r"patient one: .* no map of white matter \(c2adc\.nii\): segment"):
        read(tmp_path)


def test_maps_on_another_grid_are_refused(tmp_path, shares):
    moved = AFFINE.copy()
    moved[0, 3] = 2
    save(tmp_path, shares, affine=moved)
    with pytest.raises(PatientError, match="map of grey matter lies on another grid than"):
        read(tmp_path)
    save(tmp_path, {name: values[:-1] for name, values in shares.items()})
    with pytest.raises(PatientError, match="another grid"):
        read(tmp_path)


def test_percentages_are_refused(tmp_path, shares):
    save(tmp_path, shares)
    nib.save(nib.Nifti1Image(shares["fluid"] * 100, AFFINE), tmp_path / "one" / "c3adc.nii")
    with pytest.raises(PatientError, match="map of fluid does not hold shares from 0 to 1"):
        read(tmp_path)
