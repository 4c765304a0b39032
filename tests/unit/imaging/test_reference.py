"""The histogram reference: a training patient, refused from other parts, unchanged by its file."""

import csv

import numpy as np
import pytest

from strokeclock.batches import write_batch
from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.reference import (
    Matching,
    choose_reference,
    follow_matching,
    learn_reference,
    make_reference,
    read_reference,
    write_reference,
)
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.series import CHANNELS

SETTINGS = {"normalisation": "zscore", "clip": 5.0, "match_points": 7}


def test_reference_is_the_first_training_patient():
    parts = {"p1": "test", "p2": "validation", "p4": "train", "p3": "train"}
    assert choose_reference(parts, patients=["p1", "p2", "p4", "p3", "p0"]) == ("p3", "train")
    assert choose_reference(parts, patients=["p1", "p2", "p4"]) == ("p4", "train")


def test_reference_without_training_patients_is_flagged(caplog):
    assert choose_reference({}, patients=["p2", "p1"]) == ("p1", "none")
    assert "no training patient: the histogram reference is p1" in caplog.text
    assert choose_reference({}, patients=[]) is None


@pytest.mark.parametrize("part", ["validation", "test"])
def test_reference_outside_training_is_refused(brain, part):
    data, mask = brain
    with pytest.raises(ValueError, match="must be a training patient"):
        make_reference(dict.fromkeys(CHANNELS, data), mask, patient="p1", part=part, **SETTINGS)


def test_a_reference_that_cannot_be_normalised_is_named(brain):
    data, mask = brain
    half = np.where(np.arange(data.shape[0])[:, None, None] < 10, 0, data)  # a FLAIR of half the head
    volumes = dict.fromkeys(CHANNELS, data) | {"flair": half}
    settings = SETTINGS | {"normalisation": "whitestripe"}
    with pytest.raises(PatientError, match="p1: flair has one value in a tenth of the brain"):
        make_reference(volumes, mask, patient="p1", part="train", **settings)


def test_reference_survives_the_file_and_repeats_to_the_byte(brain, tmp_path):
    data, mask = brain
    volumes = {series: data * (k + 1) + k for k, series in enumerate(CHANNELS)}
    reference = make_reference(volumes, mask, patient="p1", part="train", **SETTINGS)
    write_reference(tmp_path / "a.npz", reference)
    write_reference(tmp_path / "b.npz", reference)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = read_reference(tmp_path / "a.npz")
    assert (read.patient, read.part, read.sha256) == ("p1", "train", reference.sha256)
    for series in CHANNELS:
        np.testing.assert_array_equal(read.landmarks[series], reference.landmarks[series])
        np.testing.assert_array_equal(read.profile[series], reference.profile[series])


def test_reference_hash_changes_with_one_voxel(brain):
    data, mask = brain
    changed = data.copy()
    changed[5, 5, 5] += 1
    a = make_reference(dict.fromkeys(CHANNELS, data), mask, patient="p1", part="train", **SETTINGS)
    b = make_reference(
        {"dwi": data, "t2w": changed, "flair": data}, mask, patient="p1", part="train", **SETTINGS
    )
    assert a.sha256["dwi"] == b.sha256["dwi"]
    assert a.sha256["t2w"] != b.sha256["t2w"]


def test_distances_exact():
    steps = np.linspace(-2, 2, 100)
    matching = Matching(reference=steps, before=steps + np.where(np.arange(100) < 50, 0.1, -0.3), after=steps)
    assert matching.distances() == pytest.approx((0.2, 0.0))


def test_matching_lowers_the_distance_to_the_reference(brain):
    """Another histogram comes close, the reference's stays as it is, and scale alone is no distance."""
    data, mask = brain
    random = np.random.default_rng(3)
    other = np.where(mask, random.gamma(2, 60, data.shape), 0).astype(np.float32)
    reference = make_reference(dict.fromkeys(CHANNELS, data), mask, patient="p1", part="train", **SETTINGS)
    followed = follow_matching(
        {"dwi": other, "t2w": data, "flair": 3 * data + 7 * mask},
        mask,
        reference=reference,
        normalisation="zscore",
        clip=5.0,
    )
    before, after = followed["dwi"].distances()
    assert before > 0.1
    assert after < 0.7 * before
    assert followed["t2w"].distances() == pytest.approx((0, 0), abs=1e-4)
    assert followed["flair"].distances() == pytest.approx((0, 0), abs=1e-4)


def test_a_series_that_cannot_be_normalised_is_not_followed(brain):
    data, mask = brain
    reference = make_reference(dict.fromkeys(CHANNELS, data), mask, patient="p1", part="train", **SETTINGS)
    volumes = {"dwi": data, "t2w": np.full_like(data, 3), "flair": data}
    followed = follow_matching(volumes, mask, reference=reference, normalisation="zscore", clip=5.0)
    assert sorted(followed) == ["dwi", "flair"]


@pytest.fixture
def cohort(tmp_path, brain):
    """Volumes of two patients, p1 in test and p2 in training, and the tables."""
    data, mask = brain
    files = {}
    for patient in ("p1", "p2"):
        files[patient] = {name: tmp_path / f"{patient}_{name}.nii.gz" for name in ("t2w", "dwi", "flair")}
        for path in files[patient].values():
            write_volume(path, Volume(data, np.eye(4)))
        files[patient]["brain_mask"] = tmp_path / f"{patient}_mask.nii.gz"
        write_volume(files[patient]["brain_mask"], Volume(mask.astype(np.float32), np.eye(4)), dtype=np.uint8)
    tables = {"split": tmp_path / "split.tsv", "exclusions": tmp_path / "exclusions.tsv"}
    for path, rows in (
        (tables["split"], [("patient", "part"), ("p1", "test"), ("p2", "train")]),
        (tables["exclusions"], [("patient", "stage", "reason")]),
    ):
        with open(path, "w", newline="") as file:
            csv.writer(file, delimiter="\t").writerows(rows)
    write_batch(tmp_path / "batch.tsv", files)
    return [tmp_path / "batch.tsv"], tables


def test_reference_is_learned_from_the_training_patient(cohort, tmp_path):
    files, tables = cohort
    learn_reference(files, tmp_path / "r.npz", **tables, **SETTINGS)
    reference = read_reference(tmp_path / "r.npz")
    assert (reference.patient, reference.part) == ("p2", "train")


def test_with_everyone_excluded_a_note_stands_in_its_place(cohort, tmp_path):
    files, tables = cohort
    tables["exclusions"].write_text("patient\tstage\treason\np1\tquality\tx\np2\tquality\tx\n")
    learn_reference(files, tmp_path / "r.npz", **tables, **SETTINGS)
    assert read_reference(tmp_path / "r.npz") is None
    assert "every patient is excluded" in read_exclusion(tmp_path / "r.npz")
