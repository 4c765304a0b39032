"""Folds of the training part: each patient in one, stratified on time, the same again."""

import pandas as pd
import pytest

from strokeclock.cohort.folds import divide_folds, read_folds
from strokeclock.cohort.parts import SplitError

PATIENTS = [f"p{number:02d}" for number in range(23)]
MINUTES = [37 * number % 23 * 20 for number in range(23)]  # all different


def test_each_patient_is_in_one_fold_and_times_are_spread_evenly():
    folds = divide_folds(PATIENTS, MINUTES, folds=5, seed=0)
    assert sorted(patient for fold in folds for patient in fold) == PATIENTS
    assert sorted(map(len, folds)) == [4, 4, 5, 5, 5]
    fold_of = {patient: number for number, fold in enumerate(folds) for patient in fold}
    by_time = sorted(PATIENTS, key=dict(zip(PATIENTS, MINUTES, strict=True)).get)
    for first in range(0, 20, 5):
        assert sorted(fold_of[patient] for patient in by_time[first : first + 5]) == [0, 1, 2, 3, 4]
    assert len({fold_of[patient] for patient in by_time[20:]}) == 3


def test_the_folds_depend_on_the_seed_and_not_on_the_order():
    folds = divide_folds(PATIENTS, MINUTES, folds=5, seed=0)
    assert divide_folds(PATIENTS[::-1], MINUTES[::-1], folds=5, seed=0) == folds
    assert divide_folds(PATIENTS, MINUTES, folds=5, seed=1) != folds
    # these very folds: with others all networks of the folds would be trained anew
    assert divide_folds(PATIENTS[:6], MINUTES[:6], folds=2, seed=0) == [
        ["p00", "p01", "p04"],
        ["p02", "p03", "p05"],
    ]


@pytest.fixture
def files(tmp_path):
    pd.DataFrame(
        {"patient": PATIENTS, "onset_to_mri_min": MINUTES, "lesion_side": "left"},
    ).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    parts = ["train"] * 4 + ["validation", "test"] * 9 + ["train"]
    pd.DataFrame({"patient": PATIENTS, "part": parts}).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    return {"cohort": tmp_path / "cohort.tsv", "split": tmp_path / "split.tsv"}


def test_only_the_training_part_is_divided(files):
    folds = read_folds(**files, folds=2, seed=3)
    training = [*PATIENTS[:4], PATIENTS[22]]
    assert folds == divide_folds(training, [*MINUTES[:4], MINUTES[22]], folds=2, seed=3)


def test_more_folds_than_patients_are_refused(files):
    assert len(read_folds(**files, folds=5, seed=0)) == 5
    with pytest.raises(
        SplitError, match=r"has 5 patients of known onset for 6 folds: lower training\.phase0"
    ):
        read_folds(**files, folds=6, seed=0)


def test_a_patient_of_unknown_onset_is_in_no_fold(files):
    files["cohort"].write_text(files["cohort"].read_text().replace(f"p02\t{MINUTES[2]}\t", "p02\t\t"))
    known = [PATIENTS[number] for number in (0, 1, 3, 22)]
    minutes = [MINUTES[number] for number in (0, 1, 3, 22)]
    assert read_folds(**files, folds=2, seed=0) == divide_folds(known, minutes, folds=2, seed=0)


def test_scans_of_one_person_are_in_one_fold(files):
    table = pd.read_csv(files["cohort"], sep="\t").assign(person=PATIENTS)
    table.loc[[0, 3, 22], "person"] = "p01"
    table.to_csv(files["cohort"], sep="\t", index=False)
    folds = read_folds(**files, folds=2, seed=0)
    assert sorted(folds) == [["p00", "p01", "p03", "p22"], ["p02"]]


def test_a_class_of_the_onset_counts_as_a_time_inside_it(files):
    table = pd.read_csv(files["cohort"], sep="\t").assign(onset_class="")
    table.loc[[0, 1], "onset_to_mri_min"] = None
    table.loc[[0, 1], "onset_class"] = ["<4.5h", ">=4.5h"]
    table.to_csv(files["cohort"], sep="\t", index=False)
    training = [*PATIENTS[:4], PATIENTS[22]]
    minutes = [135, 540, MINUTES[2], MINUTES[3], MINUTES[22]]
    assert read_folds(**files, folds=2, seed=0) == divide_folds(training, minutes, folds=2, seed=0)
