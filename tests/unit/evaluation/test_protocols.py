"""The table of protocols by hand: medians, ranges, patients of each part, and what is missing."""

import pandas as pd
import pytest

from strokeclock.cohort.protocol import COLUMNS
from strokeclock.evaluation.protocols import write_protocol_table

HEADER = "\t".join(COLUMNS)
LINES = """
a	dwi	GE	3	4000	80	n/a	1000	1	1.5	6	24
a	flair	GE	3	9000	120	2500	n/a	0.9	0.9	5	20
b	dwi	GE	3	5000	n/a	n/a	n/a	6	1	2	26
b	flair	GE	3	8000	110	n/a	n/a	0.8	0.8	6	22
c	dwi	n/a	1.5	4500	90	n/a	1000	n/a	n/a	n/a	n/a
d	dwi	GE	3	4200	82	n/a	1000	1	1	5	30
"""


@pytest.fixture
def table(tmp_path):
    (tmp_path / "protocol.tsv").write_text(HEADER + LINES)
    (tmp_path / "cohort.tsv").write_text("patient\tsite\na\tX\nb\tX\nc\t\nd\tX\n")
    (tmp_path / "split.tsv").write_text("patient\tpart\na\ttrain\nb\ttest\nc\texternal\n")
    output = tmp_path / "protocol.csv"
    write_protocol_table(
        tmp_path / "protocol.tsv", output, cohort=tmp_path / "cohort.tsv", split=tmp_path / "split.tsv"
    )
    return pd.read_csv(output, keep_default_na=False, dtype=str).set_index(
        ["series", "site", "vendor", "field_strength"]
    )


def test_a_row_a_series_and_scanner(table):
    assert list(table.index) == [
        ("DWI", "all", "all", "all"),
        ("DWI", "X", "GE", "3 T"),
        ("DWI", "not given", "not given", "1.5 T"),
        ("FLAIR", "X", "GE", "3 T"),  # of one scanner: no row of all
    ]


def test_patients_of_each_part_are_counted(table):
    parts = ["train", "validation", "test", "external", "no_part"]
    assert table.loc[("DWI", "all", "all", "all"), parts].tolist() == ["1", "0", "1", "1", "1"]
    assert table.loc[("DWI", "X", "GE", "3 T"), parts].tolist() == ["1", "0", "1", "0", "1"]
    assert table.loc[("FLAIR", "X", "GE", "3 T"), parts].tolist() == ["1", "0", "1", "0", "0"]


def test_medians_and_ranges(table):
    row = table.loc[("DWI", "all", "all", "all")]
    assert row[["tr_ms", "tr_ms_low", "tr_ms_high"]].tolist() == ["4350", "4000", "5000"]
    assert row[["te_ms", "te_ms_low", "te_ms_high"]].tolist() == ["82", "80", "90"]
    # b's slices lie along x
    assert row[["slice_mm", "slice_mm_low", "slice_mm_high"]].tolist() == ["6", "5", "6"]
    assert row[["in_plane_mm", "in_plane_mm_low", "in_plane_mm_high"]].tolist() == ["1.25", "1", "1.5"]


def test_missing_is_counted_where_a_series_has_such_a_number(table):
    missing = table["missing"].to_dict()
    assert missing[("DWI", "all", "all", "all")] == (
        "TE: 1, b-value: 1, number of slices: 1, voxel in plane: 1, slice distance: 1"
    )
    assert missing[("DWI", "X", "GE", "3 T")] == "TE: 1, b-value: 1"
    assert missing[("FLAIR", "X", "GE", "3 T")] == "TI: 1"
    assert table.loc[("DWI", "all", "all", "all"), "ti_ms"] == ""
