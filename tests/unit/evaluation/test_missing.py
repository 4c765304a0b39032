"""What is missing, by hand; every variable of the cohort and of the protocol has its sentence."""

import pandas as pd
import pytest

from strokeclock.cohort.protocol import COLUMNS as PROTOCOL
from strokeclock.cohort.sheet import TABLE
from strokeclock.evaluation.missing import OF_SHEET, write_missing
from strokeclock.evaluation.protocols import NUMBERS

NEVER_MISSING = {"patient", "person"}  # the person is the patient where the sheet names none
SIDES = {"voxel_x_mm", "voxel_y_mm", "voxel_z_mm"}  # summarised as in_plane_mm and slice_mm


@pytest.fixture
def table(tmp_path):
    files = {
        "cohort": """
patient	onset_to_mri_min	onset_class	lesion_side	age	sex	nihss	site	field_t	b_value	onset_kind
a	100		left	50	F	4	X	3	1000	known
b		<4.5h	left			5	X	3		known
c			right	60	M		X			wake-up
d	300		left	70	F	6		1.5	1000	known
e			left	80	F	7	X	3	1000
""",
        "split": "\npatient\tpart\na\ttrain\nb\ttrain\nc\ttrain\nd\ttest\n",
        "volumes": "\npatient\tvolume_ml\tsource\na\t2\tmask\nb\t3\tmask\nc\t\tnone\nd\t4\tautomatic\n",
        "protocol": "\n"
        + "\t".join(PROTOCOL)
        + "\n"
        + "a\tdwi\tGE\t3\t4000\t80\tn/a\t1000\t1\t1\t6\t24\n"
        + "b\tdwi\tn/a\t3\tn/a\t80\tn/a\t1000\t1\t1\t6\t24\n"
        + "d\tdwi\tGE\t3\t4000\t80\tn/a\t1000\t1\t1\t6\t24\n"
        + "e\tdwi\tn/a\tn/a\tn/a\tn/a\tn/a\tn/a\t1\t1\t6\t24\n",
    }
    paths = {name: tmp_path / f"{name}.tsv" for name in files}
    for name, text in files.items():
        paths[name].write_text(text[1:])
    write_missing(table=tmp_path / "missing.csv", **paths)
    return pd.read_csv(tmp_path / "missing.csv").set_index(["source", "variable"])


def test_missing_values_are_counted_by_part(table):
    """e is in no part."""
    sheet = table.loc["cohort sheet"]
    expected = {  # of three in train, of one in test
        "minutes from onset to MRI": (2, 0), "time or class of the onset": (1, 0),
        "how the onset is known": (0, 0), "side of the lesion": (0, 0), "b-value": (2, 0), "age": (1, 0),
        "sex": (1, 0), "NIHSS": (1, 0), "site": (0, 1), "field strength": (1, 0),
    }  # fmt: skip
    found = sheet[["train_missing", "test_missing"]].astype(int)
    assert {name: tuple(row) for name, row in zip(found.index, found.to_numpy(), strict=True)} == expected
    assert sheet.loc["age", ["train_n", "train_share"]].tolist() == pytest.approx([3, 1 / 3], abs=1e-6)
    assert table["validation_n"].isna().all()
    assert table["external_n"].isna().all()


def test_lesions_and_protocols_are_counted(table):
    assert table.loc[("lesion", "lesion volume, mL"), ["train_missing", "test_missing"]].tolist() == [1, 0]
    dwi = table.loc["protocol of DWI"]
    assert dwi["train_missing"].to_dict() == {
        "vendor": 2, "field strength": 1, "TR": 2, "TE": 1, "b-value": 1, "number of slices": 1,
        "voxel in plane": 1, "slice distance": 1,
    }  # fmt: skip
    assert {source for source, _ in table.index} == {"cohort sheet", "lesion", "protocol of DWI"}


def test_every_variable_has_its_sentence(table):
    assert {*OF_SHEET} == {*TABLE} - NEVER_MISSING
    assert {*PROTOCOL} - {"patient", "series", "vendor", "field_t"} - SIDES == {*NUMBERS}
    assert table["handling"].str.len().min() > 10
