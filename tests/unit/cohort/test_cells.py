"""Tables that people write are read as they are meant, or refused in one sentence; ours come back."""

import csv
import os

import pytest

from strokeclock.cohort.cells import read_cells, read_columns, write_cells
from strokeclock.errors import ConfigurationError, StrokeclockError


def write(tmp_path, content):
    path = tmp_path / "table.tsv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        "patient\tnote\np1\tx\n\np2\ty",
        "patient\tnote\r\np1\tx\r\n\r\np2\ty\r\n",
        "patient\tnote\rp1\tx\r\rp2\ty\r",
        b"\xef\xbb\xbfpatient\tnote\np1\tx\n\np2\ty\n",
        "patient \t note\np1\tx\n\t\np2\ty\n",  # a blank line of tabs, blanks in the header
        "patient\tnote\t\t\np1\tx\n \np2\ty\t\t\t\n",  # Excel's blank columns
        '"patient"\tnote\np1\t"x"\n\np2\ty\n',
    ],
)
def test_what_is_meant_is_read(tmp_path, content):
    header, table = read_cells(write(tmp_path, content))
    assert header == ["patient", "note"]
    assert table == [(2, ["p1", "x"]), (4, ["p2", "y"])]


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('"a, b"', "a, b"),
        ('"he said ""no"""', 'he said "no"'),
        ('5" coil', '5" coil'),
        ("it's", "it's"),
        ("007", "007"),
        ("1e3", "1e3"),
        (" p ", " p "),
        ("\u2028", "\u2028"),
        ("a\x0bb", "a\x0bb"),
    ],
)
def test_cells_keep_their_text(tmp_path, cell, read):
    assert read_cells(write(tmp_path, f"a\tb\n1\t{cell}\n"))[1] == [(2, ["1", read])]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            'a\tb\np1\t"open\np2\tfail\n',
            "line 2 has a quotation mark that opens a cell and does not",
        ),
        ('a\tb\np1\t"x"y\n', "line 2 has a quotation mark that opens a cell"),
        ("a\tb\n1\n", "line 2 has 1 cells where the header has 2: correct its tabs"),
        ("a\tb\n1\t2\t3\n", "line 2 has 3 cells where the header has 2"),
        ("a\t\tb\n1\t2\t3\n", "has no name for its column 2: name it or remove it"),
        ("a;b\n1;2\n", "is separated by semicolons: export it as tab-separated text"),
        ("a,b\n1,2\n", "is separated by commas"),
        (
            "a\tb\n1\t\u00fc\n".encode("latin-1"),
            r"is not UTF-8 text \(line 2\): save it as tab-separated",
        ),
        ("a\tb\n1\t2\n".encode("utf-16"), "is UTF-16 text: save it as tab-separated text"),
        ("a\tb\n1\t2\n".encode("utf-16-le"), "holds bytes that are no text"),
        (b"a\tb\n1\t\x00\n", "holds bytes that are no text"),
        (b"PK\x03\x04xl/workbook.xml", "is an Excel, OpenDocument or zip file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an Excel file"),
        (b"\x1f\x8b\x08", "is compressed"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, content, sentence):
    with pytest.raises(ConfigurationError, match=rf"table\.tsv {sentence}") as error:
        read_cells(write(tmp_path, content))
    assert "\n" not in str(error.value)


def test_what_is_no_file_of_text_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(10**9)
    for path, sentence in (
        (tmp_path, "is a folder or no regular file"),
        (tmp_path / "pipe", "is a folder or no regular file"),
        (tmp_path / "absent", "cannot be read"),
        (tmp_path / "huge", "has 1000 MB"),
        ("/proc/self/mem", "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            read_cells(path)


def test_an_empty_file_has_an_empty_header(tmp_path):
    assert read_cells(write(tmp_path, "")) == ([], [])
    assert read_cells(write(tmp_path, "\n\n")) == ([], [])


HARD = ['a "quoted" word', '"open', 'all"', '"', "", "it's, well", " blank ", "#", "Ünïcode", "\\t", "NA"]


def test_written_cells_come_back(tmp_path):
    rows = [[f"p{number}", cell, "end"] for number, cell in enumerate(HARD)]
    write_cells(tmp_path / "t.tsv", ["patient", "reason", "x"], rows)
    assert [cells for _, cells in read_cells(tmp_path / "t.tsv")[1]] == rows
    with open(tmp_path / "t.tsv", newline="", encoding="utf-8") as file:  # and for others' readers
        assert list(csv.reader(file, delimiter="\t"))[1:] == rows


@pytest.mark.parametrize("mark", ["\t", "\n", "\r\n", "\r", "\x85", "\u2028", "\x00", "\n\n\t"])
def test_a_mark_that_would_end_a_cell_becomes_a_blank(tmp_path, mark):
    write_cells(tmp_path / "t.tsv", ["patient", "reason"], [["p1", f"dark{mark}image"], ["p2", "x"]])
    assert read_columns(tmp_path / "t.tsv", "reason", "patient") == [("dark image", "p1"), ("x", "p2")]


def test_rows_and_columns_must_fit(tmp_path):
    with pytest.raises(ValueError, match="a row has 1 cells where the header has 2"):
        write_cells(tmp_path / "t.tsv", ["a", "b"], [["1"]])
    write_cells(tmp_path / "t.tsv", ["a", "b"], [])
    with pytest.raises(StrokeclockError, match="lacks the column c: delete it and run again"):
        read_columns(tmp_path / "t.tsv", "a", "c")
