"""The side of a drawn lesion: measured on the atlas grid, written to the cohort, compared with the sheet."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.batches import write_batch
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.lesion_side import complete_sides, find_contradiction, measure_sides
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.segmentation.lesion import carry_mask

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
AFFINE[0, 3] = -19  # x = 0 in the middle of 20 columns, left first


def lesion(left, right):
    """A lesion of so many voxels (8 µL each) on each side of the mid-plane."""
    data = np.zeros((20, 20, 10), np.float32)
    data[:10].reshape(-1)[:left] = 1
    data[10:].reshape(-1)[:right] = 1
    return Volume(data, AFFINE)


@pytest.mark.parametrize(
    ("left", "right", "side"),
    [
        (100, 0, "left"),
        (0, 3, "right"),
        (90, 10, "left"),
        (89, 11, "both"),
        (10, 90, "right"),
        (50, 50, "both"),
    ],
)
def test_a_lesion_is_of_one_side_where_that_holds_most_of_it(left, right, side):
    volumes = measure_sides(lesion(left, right))
    assert volumes == pytest.approx((left * 0.008, right * 0.008))
    assert volumes.side == side


@pytest.mark.parametrize("order", [1, -1], ids=["x to the right", "x to the left"])
@pytest.mark.parametrize("shift", [-40.0, 0.0, 40.0], ids=["shifted left", "centred", "shifted right"])
def test_neither_the_order_of_voxels_nor_the_scanners_x_decides(order, shift):
    """A lesion on the left of a head that lies tilted by 30° and shifted, in either order of voxels."""
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    to_scanner = np.eye(4)
    to_scanner[:3, :3], to_scanner[:3, 3] = turn, (shift, 5, 3)
    affine = np.diag([order * 1.0, 1, 1, 1])
    affine[:3, 3] = -order * 80, -60, -20
    points = np.moveaxis(np.indices((160, 120, 40)), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    in_atlas = (points - to_scanner[:3, 3]) @ turn
    data = (np.linalg.norm(in_atlas - (-12, 6, 0), axis=-1) < 5).astype(np.float32)
    assert data.sum() > 400
    carried = carry_mask(Volume(data, affine), grid=lesion(0, 0), transform=np.linalg.inv(to_scanner))
    assert measure_sides(carried).side == "left"


ENTERED = """\
patient\tperson\tlesion_side\tage
a\ta\tright\t60
b\tb\t\t61
c\tc\t\t62
d\td\t\t63
e\te\tnone\t64
"""


def test_empty_sides_are_completed_from_masks_and_others_stay(tmp_path):
    (tmp_path / "entered.tsv").write_text(ENTERED)
    files = {patient: {"lesion": tmp_path / f"{patient}.nii.gz"} for patient in "abc"}
    for patient, volume in zip("ab", (lesion(10, 0), lesion(2, 30)), strict=True):
        write_volume(files[patient]["lesion"], volume, dtype=np.uint8)
    write_exclusion([files["c"]["lesion"]], "lesion_mask file m.nii marks no voxel inside the atlas")
    write_batch(tmp_path / "lesions.tsv", files)
    complete_sides(
        tmp_path / "entered.tsv",
        tmp_path / "cohort.tsv",
        lesions=[tmp_path / "lesions.tsv"],
        measured=["b", "c"],
    )
    found = pd.read_csv(tmp_path / "cohort.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert list(found["lesion_side"]) == ["right", "right", "", "", "none"]
    assert list(found["side_from"]) == ["sheet", "mask", "", "", "sheet"]
    assert list(found["age"]) == ["60", "61", "62", "63", "64"]


def test_a_mask_drawn_anew_on_the_same_side_changes_no_byte(tmp_path):
    """So that it makes no training stale."""
    (tmp_path / "entered.tsv").write_text(ENTERED)
    written = []
    for voxels in (20, 35):
        write_volume(tmp_path / "b.nii.gz", lesion(voxels, 0), dtype=np.uint8)
        write_batch(tmp_path / "lesions.tsv", {"b": {"lesion": tmp_path / "b.nii.gz"}})
        complete_sides(
            tmp_path / "entered.tsv",
            tmp_path / "cohort.tsv",
            lesions=[tmp_path / "lesions.tsv"],
            measured=["b"],
        )
        written.append((tmp_path / "cohort.tsv").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("volume", "recorded", "share"),
    [
        (lesion(10, 0), "left", None),
        (lesion(10, 0), "", None),
        (lesion(8, 2), "left", "80% on the left and 20% on the right"),
        (lesion(0, 10), "left", "0% on the left and 100% on the right"),
        (lesion(9, 1), "both", None),
        (lesion(9, 0), "both", "100% on the left and 0% on the right"),
    ],
)
def test_a_mask_on_another_side_than_the_sheet_says_is_for_a_person(tmp_path, volume, recorded, share):
    write_volume(tmp_path / "lesion.nii.gz", volume, dtype=np.uint8)
    found = find_contradiction(tmp_path / "lesion.nii.gz", patient="p", recorded=recorded)
    assert found == (
        share and f"lesion_mask lies {share}, and column lesion_side is {recorded}: correct one of them"
    )


def test_a_mask_that_cannot_be_used_is_for_a_person(tmp_path):
    write_exclusion([tmp_path / "lesion.nii.gz"], "lesion_mask file m.nii holds 3 values")
    found = find_contradiction(tmp_path / "lesion.nii.gz", patient="p", recorded="left")
    assert found == "lesion_mask file m.nii holds 3 values"
