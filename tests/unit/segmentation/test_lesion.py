"""A lesion as drawn or as found, on the atlas grid."""

import csv
import math
import re

import numpy as np
import pytest

from strokeclock.batches import read_batches, write_batch
from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.resample import write_transform
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.segmentation.lesion import (
    carry_mask,
    find_lesion,
    locate_lesion,
    locate_lesions,
    locate_on_dwi,
    measure_distance,
    read_mask,
    write_volumes,
)

SPACING = (2.0, 2.0, 6.0)
TURN = np.array([[0, -1.1, 0, 3], [0.9, 0, 0, -2], [0, 0, 1.05, 1], [0, 0, 0, 1]])


def on_grid(data, spacing=SPACING):
    """A volume whose x axis is symmetric about 0."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(data.shape) - 1) / 2 * spacing
    return Volume(np.asarray(data, np.float32), affine)


def box(shape=(40, 48, 12), where=np.s_[4:10, 20:28, 5:7], value=1.0):
    data = np.zeros(shape, np.float32)
    data[where] = value
    return data


@pytest.fixture
def write(tmp_path):
    """A function that writes arrays as the files of patient p, and returns what `locate_lesion` takes."""

    def write(dwi, *, drawn=None, transform=None, scan=None, side="left"):
        write_volume(tmp_path / "dwi.nii.gz", on_grid(dwi))
        write_transform(tmp_path / "t2w_to_atlas.txt", np.eye(4) if transform is None else transform)
        for name, volume in (("drawn", drawn), ("scan", scan)):
            if volume is not None:
                write_volume(tmp_path / f"{name}.nii.gz", volume)
        return {
            "patient": "p",
            "dwi": tmp_path / "dwi.nii.gz",
            "transform": tmp_path / "t2w_to_atlas.txt",
            "drawn": None if drawn is None else tmp_path / "drawn.nii.gz",
            "scan": None if scan is None else tmp_path / "scan.nii.gz",
            "side": side,
            "output": tmp_path / "lesion.nii.gz",
        }

    return write


def head(lesion=np.s_[4:10, 20:28, 5:7], bright=2.0):
    """Even brain of 100 with a lesion; the outermost columns are background."""
    data = np.full((40, 48, 12), 100, np.float32)
    data[[0, -1]] = 0
    data[lesion] *= bright
    return data


def test_bright_in_itself_and_against_the_contralateral_side():
    own, other = np.full((4, 4, 4), 100.0), np.full((4, 4, 4), 100.0)
    own[0, 0, 0] = 136  # 1.35 times the median, and the other side is dark enough
    own[1, 0, 0] = 134  # not bright in itself
    own[2, 0, 0], other[2, 0, 0] = 150, 121  # bright on both sides
    own[3, 0, 0], other[3, 0, 0] = 150, 0  # nothing to compare with
    assert np.argwhere(find_lesion(own, other)).tolist() == [[0, 0, 0]]
    assert not find_lesion(own, own).any()  # as bright on the other side: not a lesion, an artefact
    assert not find_lesion(np.zeros((4, 4, 4)), other).any()


def test_a_found_lesion_lies_where_it_is_bright_on_its_own_side():
    dwi = head()
    dwi[30:36, 8:16, 2:4] *= 2  # as bright on the other side
    left, both = (locate_on_dwi(on_grid(dwi), side=side).data > 0 for side in ("left", "both"))
    inside = box() > 0
    assert (left & inside).sum() / inside.sum() > 0.9
    assert left.sum() < 1.3 * inside.sum()
    assert not left[20:].any()
    assert both[30:36, 8:16, 2:4].mean() > 0.9


def test_what_is_bright_on_both_sides_or_a_speckle_is_no_lesion():
    dwi = head()
    dwi[30:36, 20:28, 5:7] *= 2  # the contralateral side
    dwi[15, 10, 3] *= 8  # 24 µL
    assert not locate_on_dwi(on_grid(dwi), side="both").data.any()


@pytest.mark.parametrize("where", [np.s_[4:10, 20:28, 5:7], np.s_[9:10, 20:21, 5:6], np.s_[4:30, 6:40, 2:3]])
def test_a_carried_lesion_keeps_place_and_volume(where):
    mask = on_grid(box(where=where))
    grid = on_grid(np.zeros((50, 50, 11)), (2.6, 2.2, 7.4))
    carried = carry_mask(mask, grid=grid, transform=TURN)
    volume = mask.data.sum() * mask.spacing.prod() * np.linalg.det(TURN)
    assert carried.data.sum() == max(1, round(volume / grid.spacing.prod()))
    centres = [volume.affine[:3] @ [*np.argwhere(volume.data).mean(axis=0), 1] for volume in (mask, carried)]
    assert centres[1] == pytest.approx(TURN[:3] @ [*centres[0], 1], abs=3)


def test_the_same_grid_gives_the_same_mask():
    mask = on_grid(np.random.default_rng(0).random((20, 22, 9)) > 0.9)
    assert np.array_equal(carry_mask(mask, grid=mask, transform=np.eye(4)).data, mask.data)


def test_a_lesion_outside_the_grid_is_empty():
    far = np.eye(4)
    far[0, 3] = 500
    assert not carry_mask(on_grid(box()), grid=on_grid(box()), transform=far).data.any()


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 7.0), (1.0, 1.5, 4.0), (0.94, 0.94)])
def test_distances_are_measured_within_a_slice(spacing):
    mask = np.zeros((15, 13, 3), bool)
    mask[7, 7, 1] = mask[9, 3, 1] = True
    for x, y in np.ndindex(15, 13):
        expected = min(math.hypot((x - i) * spacing[0], (y - j) * spacing[1]) for i, j in ((7, 7), (9, 3)))
        assert measure_distance(mask, spacing)[x, y].tolist() == pytest.approx([np.inf, expected, np.inf])


def test_a_drawn_mask_takes_the_transform_of_the_t2w(write):
    stored = Volume(box()[::-1].copy(), np.diag([-1, 1, 1, 1]) @ on_grid(box()).affine)  # LAS
    shift = np.eye(4)
    shift[:3, 3] = (4, -2, 6)  # whole voxels
    files = write(head(bright=1), drawn=stored, scan=on_grid(head()), transform=shift)
    locate_lesion(**files)
    lesion = read_volume(files["output"], patient="p", series="lesion")
    assert np.array_equal(lesion.data, np.roll(box(), (2, -1, 1), axis=(0, 1, 2)))
    assert lesion.same_grid(on_grid(head()))


def test_a_mask_may_be_255(tmp_path):
    write_volume(tmp_path / "m.nii", on_grid(box(value=255)))
    assert np.array_equal(read_mask(tmp_path / "m.nii", patient="p", scan=on_grid(box())).data, box())


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        (
            on_grid(box((20, 48, 12))),
            "(20×48×12) is not on the grid of the DWI (40×48×12); draw it",
        ),
        (on_grid(box(), (2.0, 2.0, 6.5)), "is not on the grid of the DWI"),
        (on_grid(0 * box()), "drawn.nii.gz shows nothing: every voxel has the value 0"),
        (on_grid(box() + 2 * box(where=np.s_[:2])), "holds 3 values (0, 1, 2); write 0 outside the lesion"),
        (on_grid(np.linspace(0, 1, 40 * 48 * 12).reshape(40, 48, 12)), "holds 23040 values (0, 4.3"),
        (on_grid(box() + 1), "holds 2 values (1, 2); write 0 outside the lesion"),
        (on_grid(box(where=np.s_[5:6, 22:23, 5:6])), "marks a single voxel; draw the lesion"),
        (on_grid(box(where=np.s_[1:20])), "marks 50% of the brain's volume, more than an infarct can take"),
        (on_grid(1 - box()), "marks 105% of the brain's volume, more than an infarct can take (40%)"),
        (on_grid(box(where=np.s_[:1, :12])), "lies outside the brain by 100%"),
        (on_grid(box() - 1), "holds 2 values (-1, 0)"),
        (on_grid(box()[::-1]), "lies on the right, and column lesion_side is left; correct one of them"),
    ],
    ids=[
        "shape",
        "spacing",
        "empty",
        "labels",
        "probability",
        "no background",
        "one voxel",
        "hemisphere",
        "inverted",
        "outside",
        "negative",
        "side",
    ],
)
def test_a_mask_that_cannot_be_used_gives_the_reason(write, drawn, reason):
    files = write(head(), drawn=drawn, scan=on_grid(head()))
    with pytest.raises(PatientError, match=re.escape(reason)) as error:
        locate_lesion(**files)
    assert "\n" not in error.value.reason
    assert not files["output"].exists()


def test_a_missing_mask_gives_the_reason(write, tmp_path):
    files = write(head(), drawn=on_grid(box()))
    (tmp_path / "drawn.nii.gz").unlink()
    with pytest.raises(PatientError, match=r"drawn\.nii\.gz cannot be read"):
        locate_lesion(**files)


def test_a_mask_outside_the_atlas_gives_the_reason(write):
    far = np.eye(4)
    far[2, 3] = 900
    with pytest.raises(PatientError, match="marks no voxel inside the atlas"):
        locate_lesion(**write(head(), drawn=on_grid(box()), transform=far))


def test_without_a_mask_it_is_found_on_the_sheets_side(write):
    locate_lesion(**(files := write(head())))
    assert read_volume(files["output"], patient="p", series="lesion").data[:20].any()
    with pytest.raises(PatientError, match="no lesion is found on DWI; draw it"):
        locate_lesion(**write(head(), side="right"))


def test_volumes_are_of_the_patients_own_brain(tmp_path):
    scaling = np.diag([1.1, 1.2, 1.0, 1.0])
    for patient, matrix in (("a", scaling), ("b", np.eye(4))):
        write_volume(tmp_path / f"{patient}.nii.gz", on_grid(box()), dtype=np.uint8)
        write_transform(tmp_path / f"{patient}.txt", matrix)
    write_exclusion([tmp_path / "c.nii.gz", tmp_path / "c.txt"], "no lesion stands out")
    tables = [tmp_path / "lesions.tsv"], [tmp_path / "preprocessed.tsv"]
    write_batch(*tables[0], {name: {"lesion": tmp_path / f"{name}.nii.gz"} for name in "abc"})
    write_batch(*tables[1], {name: {"t2w_to_atlas": tmp_path / f"{name}.txt"} for name in "abc"})
    write_volumes(tables[0], tmp_path / "volumes.tsv", preprocessed=tables[1], drawn=["a", "d"])
    with open(tmp_path / "volumes.tsv", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    volume = 6 * 8 * 2 * 24 / 1000
    assert float(rows[0]["volume_ml"]) == pytest.approx(volume / 1.32, abs=6e-4)
    assert float(rows[1]["volume_ml"]) == pytest.approx(volume, abs=6e-4)
    assert [row["source"] for row in rows] == ["mask", "automatic", "none"]
    assert rows[2] == {
        "patient": "c", "volume_ml": "", "source": "none", "note": "no lesion stands out"
    }  # fmt: skip
    assert read_exclusion(tmp_path / "c.nii.gz")


def test_a_batch_locates_its_own_patients_and_goes_on_after_one_without_a_lesion(write, tmp_path):
    files = write(head())
    even = tmp_path / "even.nii.gz"
    write_volume(even, on_grid(head(bright=1.0)))
    preprocessed = {
        patient: {"dwi": dwi, "t2w_to_atlas": files["transform"]}
        for patient, dwi in (("a", even), ("b", files["dwi"]), ("c", files["dwi"]))
    }
    notes = {"dwi": tmp_path / "d_dwi.nii.gz", "t2w_to_atlas": tmp_path / "d_transform.txt"}
    write_exclusion(notes.values(), "no FLAIR")
    preprocessed["d"] = notes
    write_batch(tmp_path / "preprocessed.tsv", preprocessed)
    lesions = {patient: {"lesion": tmp_path / f"{patient}.nii.gz"} for patient in "abd"}
    locate_lesions(
        tmp_path / "preprocessed.tsv",
        tmp_path / "lesions.tsv",
        lesions=lesions,
        drawn=dict.fromkeys("abd"),
        scans=dict.fromkeys("abd"),
        sides=dict.fromkeys("abd", "left"),
    )
    assert "no lesion is found on DWI" in read_exclusion(tmp_path / "a.nii.gz")
    assert read_volume(tmp_path / "b.nii.gz", patient="b", series="lesion").data.any()
    assert read_exclusion(tmp_path / "d.nii.gz") == "no FLAIR"  # the earlier step's reason, as it was
    assert set(read_batches(tmp_path / "lesions.tsv")) == {"a", "b", "d"}
