"""Reading split.tsv and exclusions.tsv."""

import subprocess
import sys

import pytest

from strokeclock.cohort.parts import (
    SplitError,
    check_leakage,
    check_not_external,
    check_persons,
    read_exclusions,
    read_parts,
    read_split,
)
from strokeclock.cohort.tables import read_split_table
from strokeclock.errors import StrokeclockError

LINES = ["patient\tpart", "007\ttest", "NA\ttrain", "null\tvalidation", "b\ttrain"]


@pytest.fixture
def split(tmp_path):
    (tmp_path / "split.tsv").write_text("\n".join(LINES) + "\n")
    return tmp_path / "split.tsv"


def test_every_reader_gives_the_same_patients_as_they_are_written(split):
    parts = {"007": "test", "NA": "train", "null": "validation", "b": "train"}
    assert read_parts(split) == parts
    assert read_split(split) == {"train": ["NA", "b"], "validation": ["null"], "test": ["007"]}
    table = read_split_table(split)
    assert list(table.columns) == ["patient", "part"]
    assert dict(table.itertuples(index=False, name=None)) == parts


def test_an_empty_split_has_all_parts(split):
    split.write_text("patient\tpart\n")
    assert read_split(split) == {"train": [], "validation": [], "test": []}
    assert read_split_table(split).empty


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b\ttest", "patient b is in the split twice: keep one line a patient"),
        ("c\tholdout", "part 'holdout' is unknown: use train, validation, test"),
        ("c\t", "part '' is unknown"),
        ("c", "line 6 has 1 cells where the header has 2: delete it and run again"),
    ],
)
def test_a_faulty_split_is_refused(split, line, message):
    split.write_text("\n".join([*LINES, line]) + "\n")
    for read in (read_parts, read_split, read_split_table):
        with pytest.raises(SplitError, match=message):
            read(split)


def test_a_table_without_its_columns_is_refused(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("id\tpart\na\ttest\n")
    with pytest.raises(SplitError, match="lacks the column patient"):
        read_parts(path)
    with pytest.raises(StrokeclockError, match="lacks the column patient"):
        read_exclusions(path)


def test_exclusions_are_read_with_their_stage(tmp_path):
    path = tmp_path / "exclusions.tsv"
    path.write_text('patient\tstage\treason\n007\tentry\t"said ""no"""\nNA\tquality\t\n')
    assert read_exclusions(path) == {"007": "entry", "NA": "quality"}


def test_leakage_is_a_move_to_a_later_part():
    before = {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
    check_leakage(before, before)
    check_leakage(before, {"train": ["c", "d"], "validation": ["e"], "test": ["f"]})
    for now in ({"validation": ["a"]}, {"test": ["b"]}, {"test": ["c"]}):
        with pytest.raises(SplitError, match=f"patient {next(iter(now.values()))[0]} was in"):
            check_leakage(before, now)


def test_reading_needs_the_standard_library_alone():
    code = (
        "import sys; import strokeclock.cohort.parts; "
        "assert not {'numpy', 'pandas', 'yaml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


PARTS = {"a": "train", "b": "validation", "c": "test", "d": "external"}


def test_the_external_part_is_read_and_is_none_of_the_three(split):
    split.write_text("patient\tpart\n" + "".join(f"{patient}\t{part}\n" for patient, part in PARTS.items()))
    assert read_parts(split) == PARTS
    assert read_split(split) == {"train": ["a"], "validation": ["b"], "test": ["c"]}


def test_nothing_is_learned_from_the_external_part():
    check_not_external(["a", "b", "c", "stranger"], PARTS, what="a threshold")
    with pytest.raises(SplitError, match="a threshold would be learned from patient d of the external part"):
        check_not_external(["a", "d"], PARTS, what="a threshold")


def test_a_training_patient_may_not_become_external():
    with pytest.raises(SplitError, match="patient a was in the train part"):
        check_leakage({"train": ["a"]}, {"external": ["a"]})


def test_a_person_is_in_one_part():
    check_persons(PARTS, {"a": "x", "b": "y"}, source="split.tsv")
    check_persons(PARTS | {"e": "train"}, {"a": "x", "e": "x"}, source="split.tsv")
    with pytest.raises(
        SplitError, match=r"split.tsv: patients a and d are scans of one person .* train and external"
    ):
        check_persons(PARTS, {"a": "x", "d": "x"}, source="split.tsv")
