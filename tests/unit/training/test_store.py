import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.parts import SplitError
from strokeclock.errors import PatientError
from strokeclock.models.channels import channel_names
from strokeclock.training.phases import PAPER
from strokeclock.training.store import check_channels, check_classes, read_hemispheres


def _read(toys, phase, part="train", **changes):
    return read_hemispheres(
        toys.manifest, cohort=toys.cohort, split=toys.split, task=phase and PAPER[phase], part=part, **changes
    )


def test_phase_1_reads_both_hemispheres_and_labels_the_lesion(toys):
    units = _read(toys, "phase1_stroke")
    assert len(units) == 20
    assert units.sides == ("left", "right") * 10
    # toys 0, 1, 4, 5, 8, 9 left, 2, 6, 7 right, 3 both
    lesions = {0: "l", 1: "l", 2: "r", 3: "lr", 4: "l", 5: "l", 6: "r", 7: "r", 8: "l", 9: "l"}
    expected = [float(side[0] in lesions[number]) for number in range(10) for side in ("left", "right")]
    assert units.labels.tolist() == expected
    assert units.values.dtype == np.float16
    stored = np.load(toys.hemispheres / "toy-04.npy")
    np.testing.assert_array_equal(units.values[8:10], stored)


@pytest.mark.parametrize(
    ("phase", "limit"), [("phase2_tss3h", 180), ("phase3_tss4h5", 270), ("phase4_attention", 270)]
)
def test_time_phases_read_the_hemispheres_of_the_lesion(toys, phase, limit):
    units = _read(toys, phase)
    assert len(units) == 11
    assert [u for u in zip(units.patients, units.sides, strict=True) if u[0] == "toy-03"] == [
        ("toy-03", "left"),
        ("toy-03", "right"),
    ]
    minutes = pd.read_csv(toys.cohort, sep="\t").set_index("patient")["onset_to_mri_min"]
    assert units.labels.tolist() == [float(minutes[patient] < limit) for patient in units.patients]
    lesion = units.values[:][:, :, 6:12, 8:20, 3:6]
    assert (lesion == 1).all()


def test_the_limit_itself_is_not_below_it(toys):
    rows = pd.read_csv(toys.cohort, sep="\t").astype({"onset_to_mri_min": float})
    rows.loc[0, "onset_to_mri_min"] = 270
    rows.loc[1, "onset_to_mri_min"] = 269.9
    rows.to_csv(toys.cohort, sep="\t", index=False)
    assert _read(toys, "phase3_tss4h5").labels[:2].tolist() == [0, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_names_its_patient(toys, value):
    path = toys.hemispheres / "toy-04.npy"
    values = np.load(path)
    values[0, 2, 8, 16, 4] = value
    np.save(path, values)
    with pytest.raises(PatientError, match=r"patient toy-04: .*toy-04\.npy holds values that are not finite"):
        _read(toys, "phase1_stroke")


def test_patients_outside_the_split_are_left_alone(toys):
    split = pd.read_csv(toys.split, sep="\t")
    split[split["patient"] != "toy-00"].to_csv(toys.split, sep="\t", index=False)
    (toys.hemispheres / "toy-00.npy").write_text("excluded: no FLAIR\n")
    assert "toy-00" not in _read(toys, "phase1_stroke").participants


def test_empty_part_is_refused(toys):
    split = pd.read_csv(toys.split, sep="\t")
    split[split["part"] != "validation"].to_csv(toys.split, sep="\t", index=False)
    with pytest.raises(SplitError, match="validation part is empty"):
        _read(toys, "phase1_stroke", "validation")


def _change(toys, number, **cells):
    rows = pd.read_csv(toys.cohort, sep="\t", dtype=object)
    rows.loc[number, list(cells)] = list(cells.values())
    rows.to_csv(toys.cohort, sep="\t", index=False)


def test_a_patient_without_a_side_is_refused(toys):
    _change(toys, 5, lesion_side=None)
    with pytest.raises(SplitError, match="toy-05 has no lesion side"):
        _read(toys, "phase2_tss3h")


@pytest.mark.parametrize(
    ("cells", "taught"),
    [
        ({}, {"phase1_stroke": 1, "phase2_tss3h": 0, "phase3_tss4h5": 1, "phase4_attention": 1}),
        ({"onset_to_mri_min": None}, {"phase1_stroke": 1}),
        (
            {"onset_to_mri_min": None, "onset_class": ">=4.5h"},
            {"phase1_stroke": 1, "phase3_tss4h5": 0, "phase4_attention": 0},
        ),
        ({"lesion_side": "none"}, {"phase1_stroke": 0}),
    ],
    ids=["known", "unknown", "class", "no lesion"],
)
def test_a_patient_takes_part_in_the_tasks_whose_label_it_has(toys, cells, taught):
    """Of toy-05, 205 min: the label of a lesion's hemisphere, and of the first where there is none."""
    _change(toys, 5, **cells)
    found = {}
    for phase in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention"):
        units = _read(toys, phase)
        labels = [
            label for patient, label in zip(units.patients, units.labels, strict=True) if patient == "toy-05"
        ]
        if labels:
            found[phase] = max(labels)
            assert len(labels) == (2 if phase == "phase1_stroke" else 1)
    assert found == taught
    assert _read(toys, None).patients.count("toy-05") == 2  # Models Genesis has no label


def test_a_part_in_which_nobody_has_the_label_is_refused(toys):
    rows = pd.read_csv(toys.cohort, sep="\t")
    rows.assign(onset_to_mri_min=None, onset_class="<4.5h").to_csv(toys.cohort, sep="\t", index=False)
    assert len(_read(toys, "phase3_tss4h5"))
    with pytest.raises(SplitError, match="no patient of the train part has the label of TSS < 180 min"):
        _read(toys, "phase2_tss3h")


def test_scans_of_one_person_in_two_parts_are_refused(toys):
    rows = pd.read_csv(toys.cohort, sep="\t")
    persons = [*rows["patient"][:-1], rows["patient"][0]]
    rows.assign(person=persons).to_csv(toys.cohort, sep="\t", index=False)
    with pytest.raises(SplitError, match=r"toy-00 and toy-17 are scans of one person .* train and test"):
        _read(toys, "phase1_stroke")


def test_one_class_is_refused(toys):
    rows = pd.read_csv(toys.cohort, sep="\t")
    rows["onset_to_mri_min"] = 500
    rows.to_csv(toys.cohort, sep="\t", index=False)
    with pytest.raises(SplitError, match="all 4 hemispheres of the validation part have the label 0"):
        check_classes(_read(toys, "phase2_tss3h", "validation"), phase="phase2_tss3h", part="validation")


def test_digest_changes_with_values_and_labels(toys):
    before = _read(toys, "phase2_tss3h").digest()
    assert before == _read(toys, "phase2_tss3h").digest()
    assert before != _read(toys, "phase3_tss4h5").digest()
    values = np.load(toys.hemispheres / "toy-00.npy")
    values[0, 0, 5, 5, 5] += np.float16(0.01)
    np.save(toys.hemispheres / "toy-00.npy", values)
    assert before != _read(toys, "phase2_tss3h").digest()


def test_the_contralateral_hemispheres_channels_stand_behind_the_own(toys):
    units = _read(toys, "phase2_tss3h", contralateral=True)
    assert units.values.shape == (11, 6, 16, 32, 9)
    assert units.values.dtype == np.float16
    for number, (patient, side) in enumerate(zip(units.patients, units.sides, strict=True)):
        left, right = np.load(toys.hemispheres / f"{patient}.npy")
        own, other = (left, right) if side == "left" else (right, left)
        np.testing.assert_array_equal(units.values[number], np.concatenate([own, other]))
    assert {"left", "right"} == set(units.sides)
    np.testing.assert_array_equal(units.values[[4, 0]], np.stack([units.values[4], units.values[0]]))
    assert all(isinstance(array, np.memmap) for array in units.values.arrays)  # none is in memory


@pytest.mark.parametrize("side", [0, 1])
def test_digest_covers_the_contralateral_hemisphere_where_it_is_seen(toys, side):
    def digests():
        return [_read(toys, "phase2_tss3h", contralateral=other).digest() for other in (False, True)]

    before = digests()
    assert before[0] != before[1]
    values = np.load(toys.hemispheres / "toy-00.npy")  # its lesion is on the left
    values[side, 0, 5, 5, 5] += np.float16(0.01)
    np.save(toys.hemispheres / "toy-00.npy", values)
    assert [old != new for old, new in zip(before, digests(), strict=True)] == [side == 0, True]


def test_channels_are_named_and_counted_with_the_contralateral_hemisphere(toys):
    names = channel_names(("dwi", "t2w", "flair"), contralateral=True)
    assert names == ("dwi", "t2w", "flair", "contralateral_dwi", "contralateral_t2w", "contralateral_flair")
    assert channel_names(("dwi", "adc"), contralateral=False) == ("dwi", "adc")
    units = _read(toys, "phase2_tss3h", contralateral=True)
    check_channels(units, channels=names)
    two = channel_names(("dwi", "flair"), contralateral=True)
    message = r"hold 3 series, and models\.channels names 2 \(dwi, flair\): make the hemispheres anew"
    with pytest.raises(SplitError, match=message):
        check_channels(units, channels=two)
