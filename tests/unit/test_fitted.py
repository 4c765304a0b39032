"""Fitted files: exact numbers, no patient's name, and errors for other kinds, formats and splits."""

import json

import numpy as np
import pytest

from strokeclock.fitted import (
    FORMAT,
    FittedError,
    check_patients,
    describe_fit,
    digest_units,
    read_fitted,
    write_fitted,
)

SPLIT = {"train": ["a", "b", "c"], "validation": ["d"], "test": ["e", "f"]}


@pytest.fixture
def split(tmp_path):
    lines = [f"{patient}\t{part}" for part, patients in SPLIT.items() for patient in patients]
    (tmp_path / "split.tsv").write_text("\n".join(["patient\tpart", *lines]) + "\n")
    return tmp_path / "split.tsv"


def test_numbers_come_back_exactly(tmp_path):
    numbers = [0.1 + 0.2, np.float64(1) / 3, 5e-324, -1.7976931348623157e308, 0.0]
    write_fitted(tmp_path / "a.json", {"numbers": numbers}, kind="regression")
    found = read_fitted(tmp_path / "a.json", kind="regression")
    assert found["numbers"] == numbers
    assert found["format"] == FORMAT
    assert {"numpy", "scikit-learn"} <= set(found["versions"])


def test_a_number_that_is_not_finite_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_fitted(tmp_path / "a.json", {"number": np.nan}, kind="regression")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "{}", '{"kind": "regression"}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FittedError, match=r"a\.json is no fitted file of strokeclock: delete it"):
        read_fitted(tmp_path / "a.json", kind="regression")


def test_other_kinds_tasks_and_formats_are_refused(tmp_path):
    path = tmp_path / "a.json"
    write_fitted(path, {"below_min": 180, "series": ["dwi", "flair"]}, kind="regression")
    assert read_fitted(path, kind="regression", below_min=180.0, series=["dwi", "flair"])["below_min"] == 180
    for kind, asked, message in (
        ("thresholds", {}, "holds 'regression', not 'thresholds'"),
        ("regression", {"below_min": 270}, "was fitted for below_min 180, not for 270"),
        ("regression", {"series": ["dwi"]}, r"for series \['dwi', 'flair'\], not for \['dwi'\]"),
        ("regression", {"row": "ratio"}, "was fitted for row None"),
    ):
        with pytest.raises(FittedError, match=message):
            read_fitted(path, kind=kind, **asked)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT + 1}))
    with pytest.raises(FittedError, match=f"has format {FORMAT + 1}, not {FORMAT}"):
        read_fitted(path, kind="regression")


def test_a_fit_is_described_without_a_name():
    found = describe_fit(["b", "a", "b"], [0, 1, 0], [[1.0], [2.0], [np.nan]], parts=["train"], split=SPLIT)
    assert (found.parts, found.patients, found.units, found.positives) == (("train",), 2, 3, 1)
    again = describe_fit(["a", "b"], [1, 0], [[2.0], [1.0]], parts=["train"], split=SPLIT)
    assert again.patients_sha256 == found.patients_sha256
    assert again.sha256 != found.sha256


@pytest.mark.parametrize("stranger", ["d", "e", "nobody"])
def test_nobody_outside_the_part_is_fitted_on(stranger):
    with pytest.raises(
        FittedError, match=f"patient {stranger} is to be fitted on and is not in the train part"
    ):
        describe_fit(["a", stranger], [0, 1], [1.0, 2.0], parts=["train"], split=SPLIT)


def test_a_digest_hangs_on_everything_that_was_fitted_on():
    first = digest_units(["a", "b"], [0, 1], [[0.5, np.nan], [0.25, 1]])
    assert digest_units(["a", "b"], np.array([0, 1], np.float32), [[0.5, -np.nan], [0.25, 1]]) == first
    others = [
        digest_units(["a", "c"], [0, 1], [[0.5, np.nan], [0.25, 1]]),
        digest_units(["a", "b"], [1, 1], [[0.5, np.nan], [0.25, 1]]),
        digest_units(["a", "b"], [0, 1], [[0.5, np.nan], [0.25, np.nextafter(1, 2)]]),
    ]
    assert len({first, *others}) == 4


def test_another_split_is_refused(tmp_path, split):
    fitted_on = describe_fit(["a", "b", "c"], [0, 1, 1], [1.0, 2, 3], parts=["train"], split=SPLIT)
    write_fitted(tmp_path / "a.json", {"fitted_on": fitted_on}, kind="regression")
    content = read_fitted(tmp_path / "a.json", kind="regression")
    cohort = tmp_path / "cohort.tsv"
    rows = [f"{patient}\t100\tleft\n" for part in SPLIT.values() for patient in part]
    cohort.write_text("patient\tonset_to_mri_min\tlesion_side\n" + "".join(rows))
    files = {"cohort": cohort, "split": split, "below_min": 180}
    check_patients(tmp_path / "a.json", content, **files)
    # a patient of unknown onset is in the part and not fitted on
    with split.open("a") as file, cohort.open("a") as more:
        file.write("g\ttrain\n")
        more.write("g\t\tleft\n")
    check_patients(tmp_path / "a.json", content, **files)
    split.write_text(split.read_text().replace("a\ttrain", "a\ttest"))
    with pytest.raises(FittedError, match="was fitted on other patients than the train part of"):
        check_patients(tmp_path / "a.json", content, **files)
