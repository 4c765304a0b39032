"""The cohort sheet: rows that take part, rows that are excluded, faults that stop the run."""

import pytest

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.reasons import generalise
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
        (
            "onset_to_mri_min",
            "",
            "no time of onset: fill column onset_to_mri_min, write <4.5h into",
        ),
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
        ([["..", *GOOD[1:]]], HEADER, "patient '..' cannot name a file"),
        ([["a\u200b", *GOOD[1:]]], HEADER, "patient 'a\\u200b' cannot name a file"),
        ([["a\u00a0b", *GOOD[1:]]], HEADER, "patient 'a\\xa0b' cannot name a file"),
        ([["\u0430", *GOOD[1:]]], HEADER, "patient '\u0430' cannot name a file"),  # Cyrillic
        ([["M\u00fc", *GOOD[1:]]], HEADER, "cannot name a file"),
        ([["x" * 101, *GOOD[1:]]], HEADER, "has 101 characters: give an identifier of at most 100"),
        ([["p1.", *GOOD[1:]]], HEADER, "patient 'p1.' ends in a dot"),
        ([["NA", *GOOD[1:]]], HEADER, "line 2: patient 'NA' is a missing value for other programs"),
        ([["null", *GOOD[1:]]], HEADER, "patient 'null' is a missing value for other programs"),
        ([["CON", *GOOD[1:]]], HEADER, "patient 'CON' is a device on Windows"),
        ([["lpt1.x", *GOOD[1:]]], HEADER, "patient 'lpt1.x' is a device on Windows"),
        ([GOOD, ["A", *GOOD[1:]]], HEADER, "line 3: patient A stands already in line 2 in other capitals"),
        ([GOOD], [name.upper() for name in HEADER], "lacks the column patient"),
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
    with pytest.raises(ConfigurationError, match="is an Excel, OpenDocument or zip file: save it as"):
        read_sheet(path)


def with_columns(**cells):
    """A header and a row with further columns, or other cells."""
    row = dict(zip(HEADER, GOOD, strict=True)) | cells
    return [*row], [*row.values()]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({}, {"onset_to_mri_min": "120", "onset_kind": "known", "onset_class": "", "person": "a"}),
        ({"onset_to_mri_min": "", "onset_to_mri_h": "4.5"}, {"onset_to_mri_min": "270"}),
        (
            {"onset_to_mri_min": "", "onset": "2024-03-01T08:00", "mri_time": "2024-03-01T10:00"},
            {"onset_to_mri_min": "120", "onset_kind": "known"},
        ),
        (
            {"onset_to_mri_min": "n/a", "onset_class": "≥ 4.5 h"},
            {"onset_to_mri_min": "", "onset_class": ">=4.5h"},
        ),
        ({"person": "p+1"}, {"person": "p+1"}),
        ({"age": "89+"}, {"age": "89"}),
        ({"age": "n/a"}, {"age": ""}),
        ({"patient": "sub-1+2"}, {"patient": "sub-1+2", "person": "sub-1+2"}),
        ({"patient": "007"}, {"patient": "007"}),
        ({"lesion_side": "", "lesion_mask": "x.nii"}, {"lesion_side": ""}),
    ],
)
def test_what_a_row_becomes(sheet, cells, found):
    header, row = with_columns(**cells)
    cohort = read_sheet(sheet(row, header=header))
    assert cohort.exclusions == {}
    assert {name: cohort.rows[0][name] for name in found} == found


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"age": "7O0"}, "column age is '7O0', not a number"),
        ({"age": "+89"}, None),
        ({"age": "65 years"}, "write the number alone, without its unit"),
        ({"nihss": "4,5"}, "column nihss is '4,5': write the number with a decimal point"),
        ({"field_t": "３"}, "column field_t is '３', not a number"),
        ({"field_t": "15"}, "column field_t is 15, outside 0.05 to 12"),
        ({"b_value": "1_000"}, "column b_value is '1_000', not a number"),
        ({"lesion_side": "None"}, "use none where there is no acute lesion, n/a if not known"),
        (
            {"lesion_side": "none", "lesion_mask": "x.nii"},
            "lesion_side is none, and column lesion_mask names a file",
        ),
        (
            {"lesion_side": "none"},
            "no acute lesion: column lesion_side is none, so remove the row, or set",
        ),
        (
            {"lesion_side": "n/a"},
            "no lesion side: fill column lesion_side, name a mask in column lesion_mask, or set",
        ),
        ({"person": "Anna Muster"}, "column person holds more than letters, digits"),
        (
            {"onset_to_mri_min": "", "onset_kind": "wake-up"},
            "onset unknown (wake-up): write <4.5h into column onset_class if the patient was last known well "
            "less than 4.5 h before the MRI, or set cohort.require_onset: false",
        ),
        (
            {"onset_to_mri_min": "", "onset_kind": "unknown"},
            "onset unknown (unwitnessed): write <4.5h into column onset_class",
        ),
        ({"onset_to_mri_min": "", "onset_kind": "wake-up", "onset_class": "<4.5h"}, None),
        ({"onset_to_mri_min": "4.5"}, "which looks like hours"),
    ],
)
def test_further_faults_of_a_row(sheet, cells, reason):
    header, row = with_columns(**cells)
    found = read_sheet(sheet(row, header=header)).exclusions
    assert (reason is None) == (found == {})
    assert reason is None or reason in found["a"]
    assert "Muster" not in str(found)


@pytest.mark.parametrize(
    ("cells", "group"),
    [
        ({"onset_to_mri_min": ""}, "no time of onset"),
        ({"onset_to_mri_min": "", "onset_kind": "woke up"}, "onset unknown (wake-up)"),
        ({"onset_to_mri_min": "", "onset_kind": "unclear"}, "onset unknown (unwitnessed)"),
        ({"lesion_side": ""}, "no lesion side"),
        ({"lesion_side": "none"}, "no acute lesion"),
    ],
)
def test_a_missing_label_reads_well_in_the_flow_diagram(sheet, cells, group):
    header, row = with_columns(**cells)
    assert generalise(read_sheet(sheet(row, header=header)).exclusions["a"]) == group


def test_who_enters_without_a_known_onset(sheet):
    """And of them, whose onset and side allow a label of time: these are divided and counted."""
    rows = {
        "a": {},
        "b": {"onset_to_mri_min": ""},
        "c": {"onset_to_mri_min": "", "onset_class": "<4.5h"},
        "d": {"lesion_side": "none"},
        "e": {"lesion_side": "n/a"},
        "f": {"lesion_side": "", "lesion_mask": "x.nii"},
    }
    more = {"onset_class": "", "lesion_mask": ""}
    lines = [with_columns(**more | cells | {"patient": patient}) for patient, cells in rows.items()]
    cohort = read_sheet(sheet(*(row for _, row in lines), header=lines[0][0]), require_onset=False)
    assert cohort.patients == [*"abcdef"]
    assert cohort.labelled == ["a", "c", "f"]
    assert cohort.unlabelled == ["b", "d", "e"]
    assert cohort.rows[3]["lesion_side"] == "none"


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), (",", "commas")])
def test_a_sheet_with_other_separators_is_named_as_such(tmp_path, mark, name):
    path = tmp_path / "cohort.tsv"
    path.write_text(mark.join(HEADER) + "\n" + mark.join(GOOD) + "\n")
    with pytest.raises(ConfigurationError, match=f"is separated by {name}: export it as tab-separated text"):
        read_sheet(path)


def test_a_sheet_whose_minutes_are_hours_is_refused(sheet):
    rows = [changed("onset_to_mri_min", hours, patient=f"p{hours}") for hours in ("1.5", "4.5", "12", "30")]
    with pytest.raises(ConfigurationError, match="3 of 4 numbers are under 24, which looks like hours"):
        read_sheet(sheet(*rows))


@pytest.mark.parametrize(
    ("left_out", "lacks"),
    [
        ("onset_to_mri_min", "onset_to_mri_min (or another one of the onset)"),
        ("lesion_side", "lesion_side (or lesion_mask)"),
    ],
)
def test_a_label_needs_some_column(sheet, left_out, lacks):
    header = [name for name in HEADER if name != left_out]
    row = [cell for name, cell in zip(HEADER, GOOD, strict=True) if name != left_out]
    with pytest.raises(ConfigurationError) as caught:
        read_sheet(sheet(row, header=header))
    assert f"lacks the column {lacks}" in str(caught.value)


def test_links_are_not_followed(sheet, tmp_path):
    """A file's sidecars lie beside its link, and its end may be named by a digest."""
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects/5f2a").write_bytes(b"")
    (tmp_path / "link.nii").symlink_to("objects/5f2a")
    header, row = with_columns(dwi="link.nii", t2w="objects/../x.nii")
    cohort = read_sheet(sheet(row, header=header))
    assert cohort.rows[0]["dwi"] == str(tmp_path / "link.nii")
    assert cohort.rows[0]["t2w"] == str(tmp_path / "x.nii")


def test_a_missing_file_is_named_without_its_folder(sheet):
    header, row = with_columns(dwi="anna_muster/dwi.nii")
    found = read_sheet(sheet(row, header=header)).exclusions["a"]
    assert found == "column dwi names dwi.nii, which is not there: correct the path"


def test_no_stamp_and_no_folder_reaches_the_run(sheet, tmp_path):
    header, row = with_columns(
        onset_to_mri_min="",
        onset="2024-03-01T08:00",
        last_known_well="2024-03-01T07:00",
        mri_time="2024-03-01T10:00",
    )
    write_cohort(
        read_sheet(sheet(row, header=header)), table=tmp_path / "t.tsv", exclusions=tmp_path / "e.tsv"
    )
    written = (tmp_path / "t.tsv").read_text()
    assert "2024" not in written
    assert str(tmp_path) not in written
    assert "nii" not in written


@pytest.mark.parametrize(
    "identifier", ["007", "1e3", "0x10", "on", "2021-01-01", "x" * 100, "NA.1", "a+b", "1"]
)
def test_identifiers_are_compared_as_text(sheet, identifier):
    path = sheet([identifier, *GOOD[1:]])
    assert read_sheet(path).patients == [identifier]
    assert read_sheet(path, exclude={identifier: "moved"}).exclusions == {identifier: "moved"}


@pytest.mark.parametrize(
    "cell",
    [
        "~/x.nii",
        "$HOME/x.nii",
        "C:\\mri\\x.nii",
        "https://a.org/x.nii",
        "s3://a/x.nii",
        "..",
        ".",
        "x.nii\u200b",
    ],
)
def test_a_path_of_another_kind_is_not_there(sheet, cell):
    assert "which is not there: correct the path" in read_sheet(sheet(changed("t2w", cell))).exclusions["b"]


@pytest.mark.parametrize("name", ["a {b}.nii", "{", "}x.nii"])
def test_a_brace_in_a_path_excludes_the_patient(sheet, tmp_path, name):
    (tmp_path / name).touch()
    assert "holds a brace, which Snakemake" in read_sheet(sheet(changed("t2w", name))).exclusions["b"]


@pytest.mark.parametrize(
    "name", ["a, b.nii", "it's.nii", "a;b.nii", "a b.nii", "ü.nii", "$x.nii", "*.nii", "#.nii"]
)
def test_other_marks_in_a_path_are_kept(sheet, tmp_path, name):
    (tmp_path / name).touch()
    (row,) = read_sheet(sheet(changed("t2w", name))).rows
    assert row["t2w"] == str(tmp_path / name)


@pytest.mark.parametrize("reason", ["dark\nimage", "dark\timage", "dark\r\nimage"])
def test_a_reason_with_line_breaks_keeps_its_patient_out(sheet, tmp_path, reason):
    cohort = read_sheet(sheet(GOOD, changed("age", "50")), exclude={"a": reason})
    write_cohort(cohort, table=tmp_path / "t.tsv", exclusions=tmp_path / "e.tsv")
    assert (tmp_path / "e.tsv").read_text() == "patient\tstage\treason\na\tentry\tdark image\n"
    assert read_exclusions(tmp_path / "e.tsv") == {"a": "entry"}
