"""The contact sheet shows varied patients, the infarct's slice, the right on the left."""

import nibabel as nib
import numpy as np

from strokeclock.figures import phantom_sheet


def truth(patient, territory, volume):
    return {"patient": patient, "territory": territory, "lesion_volume_ml": volume}


def test_every_territory_comes_before_a_second_of_one():
    truths = [truth("a", "pca", 9.0), truth("b", "pca", 8.0), truth("c", "aca", 1.0), truth("d", "mca", 5.0)]
    assert phantom_sheet.choose_varied(truths, patients=3) == ["a", "d", "c"]


def test_pictures_show_the_lesion_slice_with_the_right_on_the_left(tmp_path):
    """The same world point, bright on the patient's right and anterior, from RAS and LAS storage."""
    for name, flip in (("ras", 1), ("las", -1)):
        affine = np.diag([2.0 * flip, 2.0, 6.0, 1.0])
        affine[0, 3] = -19.0 * flip
        data = np.ones((20, 20, 10), np.float32)
        right = 15 if flip > 0 else 4
        data[right, 16, 7] = 100
        data[:, :, 7] += 1
        nib.save(nib.Nifti1Image(data, affine), tmp_path / f"{name}.nii.gz")
        _, middle, _ = phantom_sheet._slices(tmp_path / f"{name}.nii.gz", 42.0)
        row, column = np.unravel_index(middle.argmax(), middle.shape)
        assert (row, column) == (3, 4)


def test_the_largest_slice_is_a_world_height(tmp_path):
    lesion = np.zeros((8, 8, 10), np.uint8)
    lesion[2:4, 2:4, 3] = 1
    lesion[2:6, 2:6, 6] = 1
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    affine[2, 3] = -20
    nib.save(nib.Nifti1Image(lesion, affine), tmp_path / "lesion.nii.gz")
    assert phantom_sheet._largest_slice(tmp_path / "lesion.nii.gz") == 10.0
