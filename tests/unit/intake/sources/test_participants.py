"""Tables of persons as people have them: what of them reaches the sheet."""

import pytest

from strokeclock.cohort.sheet import read_sheet
from strokeclock.errors import ConfigurationError
from strokeclock.intake.participants import read_participants


@pytest.fixture
def set_(tree):
    for number in (1, 2, 3):
        for name, facts in (
            ("trace", {"DiffusionBValue": 1000}),
            ("ADC", {}),
            ("FLAIR", {"InversionTime": 2.5}),
        ):
            tree.image(f"sub-0{number}/dwi/sub-0{number}_{name}.nii.gz", facts)
    return tree


def run(tree, text, *, name="table.csv"):
    return tree.run("--participants", tree.write(f"../{name}", text))


@pytest.mark.parametrize("separator", ["\t", ";", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_separator_and_line_end(set_, separator, end):
    lines = (("patient", "age", "sex", "nihss"), ("sub-01", "89+", "female", "4"), ("02", "071Y", "O", "n/a"))
    text = "\ufeff" + "".join(separator.join(line) + end for line in lines)
    assert run(set_, text) == 0
    rows = set_.sheet
    assert [rows["sub-01"][column] for column in ("age", "sex", "nihss")] == ["89+", "F", "4"]
    assert [rows["sub-02"][column] for column in ("age", "sex", "nihss")] == ["71", "n/a", "n/a"]
    assert [rows["sub-03"][column] for column in ("age", "sex", "nihss")] == ["n/a"] * 3


def test_a_named_table_precedes_that_of_the_set(set_):
    set_.write("participants.tsv", "participant_id\tage\nsub-01\t50\n")
    run(set_, "participant_id,age\nsub-01,60\n")
    assert set_.sheet["sub-01"]["age"] == "60"


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("onset_to_mri_min", "125", {"onset_to_mri_min": "125", "onset_kind": "known"}),
        ("onset_to_mri_h", "2.5", {"onset_to_mri_min": "150", "onset_kind": "known"}),
        ("onset_to_mri_h", "2,5", {"onset_to_mri_min": "150", "onset_kind": "known"}),
        ("onset_to_mri_min", "wake-up", {"onset_kind": "wake-up"}),
        ("onset_to_mri_min", "unknown", {"onset_kind": "unwitnessed"}),
        ("onset_kind", "unwitnessed", {"onset_kind": "unwitnessed"}),
        ("onset_class", ">=4.5h", {"onset_class": ">=4.5h"}),
        ("wake_up_stroke", "True", {"onset_kind": "wake-up"}),
        ("wake_up_stroke", "0", {}),
        ("lesion_side", "L", {"lesion_side": "left"}),
        ("lesion_side", "bilateral", {"lesion_side": "both"}),
        ("lesion_side", "none", {"lesion_side": "none"}),
        ("lesion_side", "n/a", {}),
        ("site", "A", {"site": "A"}),
        ("field_t", "1,5", {"field_t": "1.5"}),
    ],
)
def test_each_column(set_, column, cell, expected):
    assert run(set_, f"patient;{column}\nsub-01;{cell}\n") == 0
    row = {name: value for name, value in set_.sheet["sub-01"].items() if value != "n/a"}
    fixed = {"patient", "person", "dwi", "adc", "flair", "b_value"}
    assert {name: value for name, value in row.items() if name not in fixed} == expected
    read_sheet(set_.out / "cohort.tsv", require_onset=False)


def test_time_stamps_become_minutes_and_are_written_nowhere(set_):
    run(
        set_,
        "patient,onset,last_known_well,mri_time\n"
        "sub-01,2024-01-31T10:00,2024-01-31T09:00,2024-01-31T14:05\n"
        "sub-02,n/a,2024-01-31T09:00,2024-01-31T14:05\n",
    )
    assert set_.sheet["sub-01"]["onset_to_mri_min"] == "245"
    assert set_.sheet["sub-02"]["onset_to_mri_min"] == "n/a"
    for path in set_.out.glob("*.tsv"):
        assert "2024" not in path.read_text()


def test_last_known_well_is_no_label_and_what_follows_from_it_is_said(set_, capsys):
    run(
        set_,
        "patient,last_known_well,mri_time,onset_kind,onset_to_mri_min\n"
        "sub-01,2024-01-31T09:36,2024-01-31T14:05,wake-up,n/a\n"  # 269 min
        "sub-02,2024-01-31T09:35,2024-01-31T14:05,n/a,n/a\n"  # 270 min
        "sub-03,2024-01-31T12:00,2024-01-31T14:05,known,100\n",
    )
    assert {row.get("onset_class", "n/a") for row in set_.sheet.values()} == {"n/a"}
    assert [row["onset_to_mri_min"] for row in set_.sheet.values()] == ["n/a", "n/a", "100"]
    assert (
        "Without an onset, and last known well less than 4.5 h before the MRI: sub-01. The onset_class <4.5h "
        "holds for them; the import does not write it "
        "(docs/reference/cohort-sheet.md#last-known-well).\n"
    ) in capsys.readouterr().out


def test_nothing_is_said_of_last_known_well_where_a_class_is_given(set_, capsys):
    stamps = "2024-01-31T12:00,2024-01-31T14:05"
    run(set_, f"patient,last_known_well,mri_time,onset_class\nsub-01,{stamps},<4.5h\n")
    assert set_.sheet["sub-01"]["onset_class"] == "<4.5h"
    assert "last known well" not in capsys.readouterr().out


def test_an_onset_that_contradicts_itself_is_left_out_and_said(set_, capsys):
    assert run(set_, "patient,onset_to_mri_min,onset_class\nsub-01,100,>=4.5h\nsub-02,100,<4.5h\n") == 0
    assert set_.sheet["sub-01"]["onset_to_mri_min"] == "n/a"
    assert set_.sheet["sub-02"]["onset_to_mri_min"] == "100"
    assert "patient sub-01: column onset_class is >=4.5h" in capsys.readouterr().out


def test_one_fault_of_many_patients_is_said_once(tree, capsys):
    for person in ("a", "b"):
        tree.image(f"{person}/dwi.nii.gz")
    run(
        tree,
        "patient,onset,mri_time\na,31.01.2024 14:05,2024-01-31 17:00\nb,30.01.2024 14:05,2024-01-31 17:00\n",
    )
    said = capsys.readouterr().out
    assert "patients patient-0001, patient-0002: column onset" in said
    assert said.count("the onset is left out") == 1


def test_cells_that_cannot_be_read_are_counted_and_not_repeated(set_, capsys):
    run(set_, "patient,age,sex,wake_up_stroke\nsub-01,Miller,Miller,Miller\nsub-02,70,M,no\n")
    said = capsys.readouterr().out
    assert "column age has 1 cells that cannot be read and are left out, the first in line 2" in said
    assert "column sex has 1 cells" in said
    assert "column wake_up_stroke has 1 cells" in said
    assert "Miller" not in said
    assert set_.sheet["sub-02"]["age"] == "70"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,age\nsub-01,70\n", "lacks the column participant_id"),
        ("patient,age,age\nsub-01,70,71\n", "'age' twice"),
        ("patient,age\nsub-01,70\n01,71\n", "lines 2 and 3"),
        ("patient,age\nsub-01\n", "line 2 has 1 cells"),
        ("patient,onset_to_mri_min\nsub-01,2\nsub-02,3.5\nsub-03,4\n", "looks like hours"),
        (b"patient;site\nsub-01;M\xfcnchen\n", "not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(set_, capsys, text, words):
    assert run(set_, text) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not set_.out.exists()


def test_a_row_of_another_visit_is_not_the_one_that_is_taken(tree):
    for visit in ("1", "2"):
        for name, facts in (("trace", {"DiffusionBValue": 1000}), ("FLAIR", {"InversionTime": 2.5})):
            tree.image(f"sub-1/ses-{visit}/dwi/sub-1_ses-{visit}_{name}.nii.gz", facts)
    run(tree, "participant_id\tsession_id\tnihss\nsub-1\tses-2\t9\nsub-1\tses-1\t4\n")
    assert tree.sheet["sub-1"]["nihss"] == "4"


def test_persons_of_plain_folders_are_matched_by_either_identifier(tree):
    for person in ("a", "b"):
        tree.image(f"{person}/dwi.nii.gz")
    run(tree, "patient,age\na,50\npatient-0002,60\n")
    assert {patient: row["age"] for patient, row in tree.sheet.items()} == {
        "patient-0001": "50",
        "patient-0002": "60",
    }


def test_identifiers_are_compared_as_text(tree):
    tree.image("007/dwi.nii.gz")
    run(tree, "patient,age\n7,50\n")
    assert tree.sheet["patient-0001"].get("age", "n/a") == "n/a"


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_an_open_quotation_mark_swallows_no_row(tmp_path, separator):
    path = tmp_path / "table.txt"
    lines = (("participant_id", "age"), ("a", '"70'), ("b", "80"))
    path.write_text("".join(separator.join(line) + "\n" for line in lines))
    with pytest.raises(
        ConfigurationError, match=r"^table\.txt line 2 has a quotation mark that opens a cell"
    ):
        read_participants(path)
