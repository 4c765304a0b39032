"""The histogram reference: a training patient, refused from other parts, unchanged by its file."""

import csv
import hashlib

import numpy as np
import pytest

from strokeclock.batches import write_batch
from strokeclock.errors import ConfigurationError, PatientError
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.reference import (
    NO_TRAINING_PATIENT,
    Matching,
    adopt_reference,
    choose_reference,
    follow_matching,
    learn_reference,
    make_reference,
    read_reference,
    write_reference,
)
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.series import CHANNELS

SETTINGS = {"normalisation": "zscore", "clip": 5.0, "matching": "landmarks", "match_points": 7}


def test_reference_is_the_first_training_patient():
    parts = {"p1": "test", "p2": "validation", "p4": "train", "p3": "train"}
    assert choose_reference(parts, patients=["p1", "p2", "p4", "p3", "p0"]) == "p3"
    assert choose_reference(parts, patients=["p1", "p2", "p4"]) == "p4"


@pytest.mark.parametrize("part", ["validation", "test", "external", "none"])
def test_nobody_outside_training_becomes_the_reference(part):
    assert choose_reference({"p1": part}, patients=["p1", "p2"]) is None
    assert choose_reference({}, patients=[]) is None


@pytest.mark.parametrize("part", ["validation", "test", "external", "none", "given"])
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
    assert read.settings == reference.settings == SETTINGS
    for series in CHANNELS:
        np.testing.assert_array_equal(read.targets[series], reference.targets[series])
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


def test_without_a_training_patient_a_note_stands_in_its_place(cohort, tmp_path, caplog):
    files, tables = cohort
    tables["exclusions"].write_text("patient\tstage\treason\np2\tquality\tx\n")  # p1 in test is left
    learn_reference(files, tmp_path / "r.npz", **tables, **SETTINGS)
    assert read_reference(tmp_path / "r.npz") is None
    assert read_exclusion(tmp_path / "r.npz") == NO_TRAINING_PATIENT
    assert "no training patient" in caplog.text


@pytest.fixture
def given(brain, tmp_path):
    """Another run's reference, whose run has dwi and flair alone."""
    data, mask = brain
    reference = make_reference({"dwi": data, "flair": 2 * data}, mask, patient="q1", part="train", **SETTINGS)
    write_reference(tmp_path / "given.npz", reference)
    return tmp_path / "given.npz"


def test_another_runs_reference_is_taken_and_its_digest_logged(given, tmp_path, caplog):
    caplog.set_level("INFO")
    adopt_reference(given, tmp_path / "r.npz", channels=["flair", "adc"], **SETTINGS)
    theirs, ours = read_reference(given), read_reference(tmp_path / "r.npz")
    assert (ours.patient, ours.part, ours.settings) == ("q1", "given", theirs.settings)
    for series in ("dwi", "flair"):
        np.testing.assert_array_equal(ours.targets[series], theirs.targets[series])
    assert hashlib.sha256(given.read_bytes()).hexdigest() in caplog.text
    assert str(given.parent) not in caplog.text
    adopt_reference(tmp_path / "r.npz", tmp_path / "s.npz", channels=["dwi"], **SETTINGS)  # and handed on
    assert read_reference(tmp_path / "s.npz").part == "given"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"match_points": 5}, "match_points 7, .*match_points 5, .*: set them alike"),
        ({"clip": 8.0}, "clip 5.0, .*clip 8.0"),
        ({"normalisation": "minmax"}, "normalisation zscore.*clip without.*normalisation minmax"),
        ({"matching": "bounded"}, "matching landmarks.*matching bounded"),
    ],
)
def test_a_reference_made_with_other_settings_is_refused(given, tmp_path, change, message):
    with pytest.raises(ConfigurationError, match=message):
        adopt_reference(given, tmp_path / "r.npz", channels=["dwi"], **SETTINGS | change)
    assert not (tmp_path / "r.npz").exists()


def test_a_setting_without_effect_makes_no_difference(brain, tmp_path):
    data, mask = brain
    settings = {"normalisation": "median", "clip": 5.0, "matching": "bounded", "match_points": 7}
    reference = make_reference({"dwi": data}, mask, patient="q1", part="train", **settings)
    write_reference(tmp_path / "given.npz", reference)
    others = settings | {"clip": 8.0, "match_points": 5}
    adopt_reference(tmp_path / "given.npz", tmp_path / "r.npz", channels=["dwi"], **others)


def test_a_reference_without_a_series_of_the_networks_is_refused(given, tmp_path):
    with pytest.raises(ConfigurationError, match=r"without t2w \(models.channels\)"):
        adopt_reference(given, tmp_path / "r.npz", channels=["dwi", "t2w"], **SETTINGS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"excluded: there is no training patient\n", "of a run without training patients"),
        (b"", "given.npz, which is no histogram reference"),
        (b"patient\tpart\n", "given.npz, which is no histogram reference"),
        (b"PK\x03\x04 cut off", "given.npz, which is no histogram reference"),
        (
            {"patient": "p1", "part": "train"},
            "given.npz, which is no histogram reference",
        ),  # an older version's
    ],
)
def test_a_file_that_is_no_reference_is_refused(tmp_path, content, message):
    path = tmp_path / "given.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    with pytest.raises(ConfigurationError, match=message) as refused:
        adopt_reference(path, tmp_path / "r.npz", channels=["dwi"], **SETTINGS)
    assert str(tmp_path) not in str(refused.value)
