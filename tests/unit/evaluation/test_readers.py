"""The reader sheet's faults, the vote, and Fleiss' kappa on published examples."""

import math

import numpy as np
import pandas as pd
import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.evaluation.readers import (
    measure_agreement,
    read_assisted_readers,
    read_readers,
    vote,
)

SHEET = """patient	reader1	reader2	reader3
a	1	0	1
b	0	0	1
c	1	1	1
"""

# How many raters chose each of five categories, one row a subject, with the published kappa.
FLEISS_1971 = """
0 0 0 6 0  0 3 0 0 3  0 1 4 0 1  0 0 0 0 6  0 3 0 3 0  2 0 4 0 0  0 0 4 0 2  2 0 3 1 0  2 0 0 4 0  0 0 0 0 6
1 0 0 5 0  1 1 0 4 0  0 3 3 0 0  1 0 0 5 0  0 2 0 3 1  0 0 5 0 1  3 0 0 1 2  5 1 0 0 0  0 2 0 4 0  1 0 2 0 3
0 0 0 0 6  0 1 0 5 0  0 2 0 1 3  2 0 0 4 0  1 0 0 4 1  0 5 0 1 0  4 0 0 0 2  0 2 0 4 0  1 0 5 0 0  0 0 0 0 6
"""
FOURTEEN_RATERS = """
0 0 0 0 14  0 2 6 4 2  0 0 3 5 6  0 3 9 2 0  2 2 8 1 1
7 7 0 0 0  3 2 6 3 0  2 5 3 2 2  6 5 2 1 0  0 2 2 3 7
"""


def write(tmp_path, text=SHEET):
    path = tmp_path / "readers.tsv"
    path.write_text(text)
    return path


def test_calls_come_in_the_order_asked_for(tmp_path):
    calls = read_readers(write(tmp_path), known={"a", "b", "c"}, needed=["c", "a"])
    assert calls.index.tolist() == ["c", "a"]
    assert calls.to_numpy().tolist() == [[1, 1, 1], [1, 0, 1]]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("patient\t", "name\t", "needs the columns patient, reader1"),
        ("\treader3", "\treaderC", "column 'readerC'; name reader columns"),
        ("\treader3", "\treader4", "column 'reader4'"),
        ("reader2", "reader1", "column 'reader1'; name reader columns reader1, reader2, …, each once"),
        ("reader2\treader3", "reader3\treader4", "column 'reader4'; .* without a gap"),
        ("\t", ",", "is separated by commas: export it as tab-separated text"),
        (SHEET, "", "needs the columns patient, reader1"),
        (SHEET, "patient\treader1\n", "lacks 3 of 3 test patients, a first"),
        ("b\t0\t0\t1", "b\t0", "line 3 has 2 cells where the header has 4: correct its tabs"),
        ("b\t0\t0\t1", "b\t0\t0\t1\t1", "line 3 has 5 cells"),
        ("c\t1\t1\t1\n", "c\t1\t1", "line 4 has 3 cells"),
        ("b\t0\t0\t1", "b\t0\tn/a\t1", "'n/a' for patient b, reader2; write 1"),
        ("b\t0\t0\t1", "b\t0\t0.0\t1", "'0.0' for patient b, reader2; write 1"),
        ("b\t0", "\t0", "patient .no id., not in the cohort"),
        ("b\t0", "a\t0", "patient a twice"),
        ("b\t0", "z\t0", "patient z, not in the cohort"),
        ("b\t0\t0\t1\n", "", "lacks 1 of 3 test patients, b first"),
        ("b\t0\t0\t1", "b\t0\t\t1", "'' for patient b, reader2; write 1"),
        ("b\t0\t0\t1", "b\t0\t0\t2", "'2' for patient b, reader3"),
        ("b\t0\t0\t1", "b\tyes\t0\t1", "'yes' for patient b, reader1"),
    ],
)
def test_faults_of_the_sheet(tmp_path, old, new, sentence):
    assert old in SHEET
    with pytest.raises(ConfigurationError, match=sentence) as error:
        read_readers(write(tmp_path, SHEET.replace(old, new)), known={"a", "b", "c"}, needed=["a", "b", "c"])
    assert "readers.tsv" in str(error.value)
    assert "\n" not in str(error.value)


TWICE = """patient	reader1	reader2	reader1_with_model	reader2_with_model
a	1	0	1	1
b	0	0	0	1
c	1	1	0	1
"""


def test_calls_with_the_model_are_read_by_their_names(tmp_path):
    """The columns may stand in any order; the readers' own calls stay as they are."""
    sheet = TWICE.replace("reader1_with_model\treader2_with_model", "reader2_with_model\treader1_with_model")
    alone, assisted = read_assisted_readers(write(tmp_path, sheet), known={"a", "b", "c"}, needed=["c", "a"])
    assert list(alone) == list(assisted) == ["reader1", "reader2"]
    assert alone.to_numpy().tolist() == [[1, 1], [1, 0]]
    assert assisted.to_numpy().tolist() == [[1, 0], [1, 1]]
    calls = read_readers(tmp_path / "readers.tsv", known={"a", "b", "c"}, needed=["c", "a"])
    assert calls.equals(alone)


def test_some_readers_may_have_no_calls_with_the_model(tmp_path):
    lines = [line.split("\t") for line in TWICE.splitlines()]
    sheet = "\n".join("\t".join([*cells[:3], cells[4]]) for cells in lines) + "\n"
    known = {"a", "b", "c"}
    alone, assisted = read_assisted_readers(write(tmp_path, sheet), known=known, needed=["b"])
    assert (list(alone), list(assisted)) == (["reader1", "reader2"], ["reader2"])
    assert assisted.to_numpy().tolist() == [[1]]
    _, none = read_assisted_readers(write(tmp_path), known=known, needed=["b"])
    assert none.shape == (1, 0)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("reader2_with", "reader3_with", "column 'reader3_with_model'; name columns with the model"),
        ("reader2_with", "reader1_with", "column 'reader1_with_model'; name columns .* each once and beside"),
        ("reader2_with_model", "reader2_with_ai", "column 'reader2_with_ai'; name reader columns"),
        ("\treader1\treader2\t", "\treader2\treader1_with_model\t", "column 'reader2'; name reader columns"),
        (
            "b\t0\t0\t0\t1",
            "b\t0\t0\t\t1",
            "'' for patient b, reader1_with_model; write 1 for TSS < 4.5 h or 0",
        ),
        ("b\t0\t0\t0\t1", "b\t0\t0\t0\t2", "'2' for patient b, reader2_with_model; write 1 for TSS < 4.5 h"),
    ],
)
def test_faults_of_the_calls_with_the_model(tmp_path, old, new, sentence):
    assert old in TWICE
    with pytest.raises(ConfigurationError, match=sentence) as error:
        read_readers(write(tmp_path, TWICE.replace(old, new)), known={"a", "b", "c"}, needed=["a", "b", "c"])
    assert "\n" not in str(error.value)


def test_a_sheet_with_the_model_alone_needs_the_readers_own_calls(tmp_path):
    sheet = "patient\treader1_with_model\na\t1\n"
    with pytest.raises(ConfigurationError, match="needs the columns patient, reader1"):
        read_readers(write(tmp_path, sheet), known={"a"}, needed=["a"])


def test_a_sheet_that_is_no_text(tmp_path):
    path = tmp_path / "readers.xlsx"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(
        ConfigurationError, match=r"readers\.xlsx is an Excel, OpenDocument or zip file: save it"
    ):
        read_readers(path, known={"a"}, needed=["a"])


@pytest.mark.parametrize(
    "change", [("\n", "\r\n"), ("patient", "\ufeffpatient"), ("a\t1", " a \t 1"), ("c\t", "\nc\t")]
)
def test_what_spreadsheets_leave_behind_is_no_fault(tmp_path, change):
    path = tmp_path / "readers.tsv"
    path.write_bytes(SHEET.replace(*change).encode())
    calls = read_readers(path, known={"a", "b", "c"}, needed=["a", "b", "c"])
    assert calls.to_numpy().tolist() == [[1, 0, 1], [0, 0, 1], [1, 1, 1]]


def test_patients_outside_the_test_part_may_lack_calls(tmp_path):
    sheet = write(tmp_path, SHEET.replace("b\t0", "b\t"))
    assert read_readers(sheet, known={"a", "b", "c"}, needed=["a"]).to_numpy().tolist() == [[1, 0, 1]]
    assert read_readers(sheet, known={"a", "b", "c"}, needed=()).shape == (0, 3)


def test_what_is_neither_a_call_nor_empty_is_a_fault_in_any_part(tmp_path):
    with pytest.raises(ConfigurationError, match="'2' for patient b, reader1; write 1"):
        read_readers(write(tmp_path, SHEET.replace("b\t0", "b\t2")), known={"a", "b", "c"}, needed=["a"])


def test_majority():
    assert vote(pd.DataFrame([[1, 0, 1], [0, 0, 1], [0, 0, 0]])).tolist() == [1, 0, 0]
    assert vote(pd.DataFrame([[1, 0], [1, 1]])).tolist() == [0, 1]  # a tie is no majority


@pytest.mark.parametrize(("example", "published"), [(FLEISS_1971, 0.430), (FOURTEEN_RATERS, 0.210)])
def test_fleiss_kappa_of_published_examples(example, published):
    table = np.array(example.split(), int).reshape(-1, 5)
    calls = pd.DataFrame([np.repeat(np.arange(5), row) for row in table])
    kappa, interval = measure_agreement(calls, confidence=0.95, bootstraps=500)
    assert kappa == pytest.approx(published, abs=0.0005)
    assert interval.low < kappa < interval.high


def test_fleiss_kappa_of_two_categories_by_hand():
    # agreement a patient 1/3, 1/3, 1; p = 6/9 of the calls are 1
    calls = pd.DataFrame([[1, 0, 1], [0, 0, 1], [1, 1, 1]])
    observed, expected = (1 / 3 + 1 / 3 + 1) / 3, (6 / 9) ** 2 + (3 / 9) ** 2
    kappa, _ = measure_agreement(calls, confidence=0.95, bootstraps=50)
    assert kappa == pytest.approx((observed - expected) / (1 - expected))


def test_kappa_where_all_always_agree_on_one_call_is_undefined():
    kappa, interval = measure_agreement(pd.DataFrame(np.ones((5, 3), int)), confidence=0.95, bootstraps=20)
    assert math.isnan(kappa)
    assert all(map(math.isnan, interval))


def test_agreement_by_chance_is_exactly_0():
    """The formula gives -1.1e-16 here."""
    calls = pd.DataFrame([[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]])
    kappa, _ = measure_agreement(calls, confidence=0.95, bootstraps=50)
    assert str(kappa) == "0.0"
