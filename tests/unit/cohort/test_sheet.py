"""The cohort sheet: rows that take part, rows that are excluded, faults that stop the run."""

import pytest

from strokeclock.cohort.sheet import READ, TABLE, read_sheet, write_cohort
from strokeclock.errors import ConfigurationError

HEADER = ["patient", "t2w", "dwi", "flair", "adc", "onset_to_mri_min", "lesion_side", "age", "sex"]
GOOD = ["a", "x.nii", "x.nii", "x.nii", "", "120", "left", "70", "F"]


@pytest.fixture
def sheet(tmp_path):
    (tmp_path / "x.nii").write_bytes(b"")

    def write(*rows, header=HEADER):
        path = tmp_path / "cohort.tsv"
        path.write_text("\n".join("\t".join(row) for row in [header, *rows]) + "\n")
        return path

    return write


def changed(column, value, patient="b"):
    row = dict(zip(HEADER, GOOD, strict=True)) | {"patient": patient, column: value}
    return [row[name] for name in HEADER]


def test_a_good_row_enters_with_absolute_paths(sheet, tmp_path):
    cohort = read_sheet(sheet(GOOD))
    assert cohort.patients == ["a"]
    assert cohort.exclusions == {}
    assert cohort.rows[0]["dwi"] == str(tmp_path / "x.nii")
    assert cohort.rows[0]["b_value"] == ""
    assert tuple(cohort.rows[0]) == READ


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("flair", "", "no FLAIR series: name its file in column flair"),
        ("dwi", "n/a", "no DWI series"),
        ("t2w", "", "no T2w (b0) series and no ADC to derive it from"),
        ("t2w", "gone.nii.gz", "gone.nii.gz, which is not there: correct the path"),
        ("onset_to_mri_min", "-5", "onset_to_mri_min is -5, outside 1 to"),
        ("onset_to_mri_min", "", "onset_to_mri_min is empty: fill it, or set cohort.require_onset: false"),
        ("onset_to_mri_min", "soon", "onset_to_mri_min is 'soon', not a number"),
        ("onset_to_mri_min", "inf", "onset_to_mri_min is 'inf', not a number"),
        ("lesion_side", "L", "lesion_side is 'L': use left, right, both or none"),
        ("age", "700", "age is 700, outside 0 to 125"),
        ("sex", "female", "sex is 'female': use F or M"),
    ],
)
def test_a_fault_of_one_row_excludes_that_patient_alone(sheet, column, value, reason):
    cohort = read_sheet(sheet(GOOD, changed(column, value)))
    assert cohort.patients == ["a"]
    assert reason in cohort.exclusions["b"]


@pytest.mark.parametrize(
    ("rows", "header", "sentence"),
    [
        ([GOOD[:6]], HEADER[:6], "lacks the column lesion_side"),
        ([GOOD, GOOD], HEADER, "line 3: patient a stands already in line 2"),
        ([["a/b", *GOOD[1:]]], HEADER, "patient 'a/b' cannot name a file"),
        ([["a b", *GOOD[1:]]], HEADER, "patient 'a b' cannot name a file"),
        ([["", *GOOD[1:]]], HEADER, "line 2: patient '' cannot name a file"),
        ([[*GOOD, "1"]], [*HEADER, "lesionside"], "unknown column lesionside"),
        ([[*GOOD, "1"]], [*HEADER, "age"], "has the column age twice"),
        ([GOOD[:-1]], HEADER, "line 2 has 8 cells where the header has 9"),
        ([], HEADER, "has a header and no patient"),
    ],
)
def test_a_fault_of_form_stops_with_its_place(sheet, rows, header, sentence):
    with pytest.raises(ConfigurationError, match=r"cohort\.tsv") as caught:
        read_sheet(sheet(*rows, header=header))
    assert sentence in str(caught.value)


def test_without_required_onset_an_unlabelled_patient_enters(sheet):
    cohort = read_sheet(sheet(changed("onset_to_mri_min", "")), require_onset=False)
    assert cohort.patients == ["b"]


def test_a_persons_exclusion_carries_its_reason(sheet):
    cohort = read_sheet(sheet(GOOD), exclude={"a": "motion"})
    assert cohort.exclusions == {"a": "motion"}
    with pytest.raises(ConfigurationError, match="names z, not in"):
        read_sheet(sheet(GOOD), exclude={"z": "motion"})


def test_written_tables(sheet, tmp_path):
    cohort = read_sheet(sheet(GOOD, changed("flair", "")))
    write_cohort(cohort, table=tmp_path / "t.tsv", exclusions=tmp_path / "e.tsv")
    header, row = (line.split("\t") for line in (tmp_path / "t.tsv").read_text().splitlines())
    assert dict(zip(header, row, strict=True)) == {name: cohort.rows[0][name] for name in TABLE}
    assert not {"t2w", "dwi", "flair", "adc", "lesion_mask", "onset", "mri_time"} & {*header}
    assert (tmp_path / "e.tsv").read_text().splitlines() == [
        "patient\tstage\treason",
        "b\tentry\tno FLAIR series: name its file in column flair, or take it out of models.channels",
    ]


def test_a_lesion_mask_is_a_path_and_changes_no_written_table(sheet, tmp_path):
    """A mask that is drawn after a training does not make it stale."""
    write_cohort(read_sheet(sheet(GOOD)), table=tmp_path / "t.tsv", exclusions=tmp_path / "e.tsv")
    cohort = read_sheet(sheet([*GOOD, "x.nii"], header=[*HEADER, "lesion_mask"]))
    assert cohort.rows[0]["lesion_mask"] == str(tmp_path / "x.nii")
    write_cohort(cohort, table=tmp_path / "with.tsv", exclusions=tmp_path / "e.tsv")
    assert (tmp_path / "with.tsv").read_bytes() == (tmp_path / "t.tsv").read_bytes()
    missing = read_sheet(sheet([*GOOD, "gone.nii"], header=[*HEADER, "lesion_mask"]))
    assert "column lesion_mask names" in missing.exclusions["a"]
    assert "gone.nii, which is not there: correct the path" in missing.exclusions["a"]


def test_a_spreadsheet_is_refused(tmp_path):
    path = tmp_path / "cohort.xlsx"
    path.write_bytes(b"PK\x03\x04\xff\xfe\x00binary")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text: export the sheet"):
        read_sheet(path)
