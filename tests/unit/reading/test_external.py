"""The external patients' tables: who is in them, who is refused, and that nobody is lost."""

import pytest

from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.cohort.sheet import EXCLUSIONS, TABLE
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.external.readings import ReadingLine, read_readings, write_readings
from strokeclock.reading.external import join_external

ROW = "segmentation/phase3_tss4h5/3d"


@pytest.fixture
def tables(tmp_path):
    """Patients a and b at site A, c to e at site B; e was excluded. Two batches, and what they refused."""
    rows = [{"patient": name, "person": name, "site": "A" if name in "ab" else "B"} for name in "abcde"]
    write_cells(tmp_path / "entered.tsv", TABLE, [[row.get(key, "") for key in TABLE] for row in rows])
    write_cells(tmp_path / "gone.tsv", EXCLUSIONS, [("e", "quality", "noise"), ("a", "quality", "dark")])
    write_cells(
        tmp_path / "split.tsv", ("patient", "part"), [("b", "train"), ("c", "external"), ("d", "external")]
    )
    for name in "cd":
        line = ReadingLine(patient=name, row=ROW, side_from="given", status="no_lesion")
        write_readings(tmp_path / f"{name}.tsv", [line])
        write_cells(tmp_path / f"{name}_seen.tsv", EXCLUSIONS, [])
    return tmp_path


def join(folder, **changes):
    known = {
        "batches": [folder / "c.tsv", folder / "d.tsv"],
        "refused": [folder / "c_seen.tsv", folder / "d_seen.tsv"],
        "readings": folder / "readings.tsv",
        "cohort": folder / "cohort.tsv",
        "exclusions": folder / "exclusions.tsv",
        "entered": folder / "entered.tsv",
        "entry_exclusions": folder / "gone.tsv",
    }
    join_external(**known | changes)
    read = {name: read_columns(folder / f"{name}.tsv", "patient") for name in ("cohort", "exclusions")}
    return {name: [cell for (cell,) in cells] for name, cells in read.items()}


def test_all_patients_of_another_sheet_are_external(tables):
    assert join(tables) == {"cohort": [*"abcde"], "exclusions": ["e", "a"]}
    assert [line.patient for line in read_readings(tables / "readings.tsv")] == ["c", "d"]


def test_of_an_own_run_excluded_patients_of_the_external_site_stay(tables):
    found = join(tables, split=tables / "split.tsv", external={"site": ["B"]})
    assert found == {"cohort": ["c", "d", "e"], "exclusions": ["e"]}


def test_of_a_split_file_the_part_counts(tables):
    assert join(tables, split=tables / "split.tsv") == {"cohort": ["c", "d"], "exclusions": []}


def test_who_was_seen_is_listed(tables):
    write_cells(tables / "c_seen.tsv", EXCLUSIONS, [("c", "seen", "its dwi is a scan of the train part")])
    found = join(tables, split=tables / "split.tsv")
    assert found == {"cohort": ["c", "d"], "exclusions": ["c"]}
    assert read_columns(tables / "exclusions.tsv", "stage") == [("seen",)]


def test_nobody_left_is_one_sentence(tables):
    for name in "cd":
        write_cells(tables / f"{name}_seen.tsv", EXCLUSIONS, [(name, "seen", "x")])
    with pytest.raises(StrokeclockError, match="all were in the bundle's own cohort"):
        join(tables, split=tables / "split.tsv")
    write_cells(tables / "split.tsv", ("patient", "part"), [("b", "train")])
    with pytest.raises(StrokeclockError, match="there is none"):
        join(tables, split=tables / "split.tsv")
