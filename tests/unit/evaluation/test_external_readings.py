"""The table of readings and the bundle's operating points: read back exactly, and refused where damaged."""

import json
import math

import numpy as np
import pytest

from strokeclock.evaluation.external.frozen import (
    Estimate,
    judge,
    read_frozen,
    write_frozen,
)
from strokeclock.evaluation.external.patients import SEEN, read_external
from strokeclock.evaluation.external.readings import (
    COLUMNS,
    ReadingLine,
    ReadingsError,
    read_readings,
    write_readings,
)
from strokeclock.fitted import FittedError

ROW = "2d/phase4_attention/phase3"
LINE = ("far-000", ROW, "found", "answered", "0.5", "0", "3.5")


def test_readings_are_read_back_exactly(tmp_path):
    lines = [
        ReadingLine(
            patient="a",
            row=ROW,
            side_from="given",
            status="answered",
            score=0.1 + 0.2,
            abstained=False,
            volume_ml=1 / 3,
        ),
        ReadingLine(patient="a", row=ROW, side_from="found", status="abstained", score=1.0, abstained=True),
        ReadingLine(patient="b", row=ROW, side_from="given", status="no_lesion"),
    ]
    write_readings(tmp_path / "readings.tsv", lines)
    assert read_readings(tmp_path / "readings.tsv") == lines


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("patient", "", r"patient \(no identifier\) has patient '', not a word"),
        ("row", "2d", "row '2d', not <net>/<phase>/<start>"),
        ("side_from", "left", "side_from 'left', not given or found"),
        ("status", "", "status '', not a word"),
        ("score", "1.2", r"score '1\.2', not empty or a probability"),
        ("score", "-0.1", r"score '-0\.1', not empty or a probability"),
        ("score", "nan", "score 'nan', not empty or a probability"),
        ("score", "high", "score 'high', not empty or a probability"),
        ("score", "", "abstained '0', not empty without a score"),
        ("abstained", "", "abstained '', not 0 or 1 beside a score"),
        ("abstained", "yes", "abstained 'yes', not 0 or 1 beside a score"),
        ("volume_ml", "-1", "volume_ml '-1', not empty or a volume"),
        ("volume_ml", "inf", "volume_ml 'inf', not empty or a volume"),
    ],
)
def test_a_wrong_cell_is_named_with_patient_and_line(tmp_path, column, cell, says):
    line = dict(zip(COLUMNS, LINE, strict=True)) | {column: cell}
    path = tmp_path / "readings.tsv"
    path.write_text("\t".join(COLUMNS) + "\n" + "\t".join(line.values()) + "\n")
    with pytest.raises(ReadingsError, match=says) as caught:
        read_readings(path)
    assert str(caught.value).startswith("readings.tsv line 2: patient ")
    assert str(caught.value).endswith(": delete it and read the patients anew.")


def test_a_missing_column_and_a_second_line_are_refused(tmp_path):
    path = tmp_path / "readings.tsv"
    path.write_text("\t".join(COLUMNS[:-1]) + "\n" + "\t".join(LINE[:-1]) + "\n")
    with pytest.raises(ReadingsError, match=r"^readings\.tsv lacks the column volume_ml"):
        read_readings(path)
    path.write_text("\n".join("\t".join(cells) for cells in (COLUMNS, LINE, LINE)) + "\n")
    with pytest.raises(
        ReadingsError, match="patient far-000 twice for 2d/phase4_attention/phase3 with the side"
    ):
        read_readings(path)


def test_operating_points_are_read_back_exactly(external, tmp_path):
    world = external(2, rows=(ROW, "segmentation/phase4_attention/3d"))
    (first, second), path = world.frozen, tmp_path / "operating.json"
    world.frozen = [first, type(second)(**{**second.__dict__, "threshold": None, "development": None})]
    write_frozen(path, world.frozen)
    assert list(read_frozen(path).values()) == world.frozen
    assert first.key == {"stage": "phase4_attention", "model": "2d", "start": "phase3"}


def test_an_estimate_without_interval_is_read_back(external, tmp_path):
    world, path = external(2), tmp_path / "operating.json"
    world.frozen[0].development.performance["auc"] = Estimate(0.75)
    write_frozen(path, world.frozen)
    assert json.loads(path.read_text())["rows"][ROW]["development"]["performance"]["auc"] == [
        0.75,
        None,
        None,
    ]
    found = read_frozen(path)[ROW].development.performance["auc"]
    assert found.value == 0.75
    assert math.isnan(found.low)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("threshold", 1.5, "has the threshold 1.5, which is no probability"),
        ("prevalence", -0.1, "has the prevalence -0.1, which is no probability"),
        ("temperature", 0, "has the temperature 0"),
        ("below_min", 0, "has the limit 0 min"),
        ("threshold", "high", "does not hold the operating points"),
        ("development", {"n": 3}, "does not hold the operating points"),
        ("source", None, "does not hold the operating points"),
    ],
)
def test_numbers_outside_their_range_are_refused(external, name, value, says):
    path = external(2).write()["operating"]
    content = json.loads(path.read_text())
    content["rows"][ROW][name] = value
    path.write_text(json.dumps(content))
    with pytest.raises(FittedError, match=says) as caught:
        read_frozen(path)
    assert str(caught.value).startswith("operating.json")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"rows": []}', '{"rows": {"a": 1}}'])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "operating.json"
    path.write_text(text)
    with pytest.raises(FittedError, match="does not hold the operating points of a bundle"):
        read_frozen(path)


def test_frozen_numbers_are_applied(external):
    (frozen,) = external(2).frozen
    found = judge([0.47, 0.4699, np.nan], frozen)
    assert found.called.tolist() == [True, False, False]
    assert found.predicted.tolist() == [0.47, 0.4699, 0.55]
    odds = math.log(0.47 / 0.53) / 1.7
    assert found.scaled[[0, 2]] == pytest.approx([1 / (1 + math.exp(-odds)), 0.55])


def test_patients_of_unknown_class_and_seen_ones_take_no_part(external):
    world = external(8)
    world.cohort.loc[[0, 1], "onset_to_mri_min"] = np.nan
    world.cohort.loc[1, "onset_class"] = "<4.5h"
    world.cohort.loc[2, "lesion_side"] = "none"
    world.exclusions = {"far-003": SEEN, "far-004": "check", "gone": "entry"}
    world.lines = [line for line in world.lines if line.patient not in world.exclusions]
    test = read_external(**world.write())
    given = test.tested[0]
    assert given.side_from == "given"
    assert given.patient.tolist() == ["far-001", "far-004", "far-005", "far-006", "far-007"]
    assert given.label[0] == 1
    assert given.status[1] == "excluded (check)"
    assert given.is_read.tolist() == [True, False, True, True, True]
    assert test.why_left_out(270) == {
        "far-000": "onset not known",
        "far-002": "no lesion of known side",
        "far-003": "excluded (seen)",
        "gone": "excluded (entry)",
    }
    # a class tells the label of 4.5 h alone
    assert test.why_left_out(180)["far-001"] == "onset not known"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda world: world.lines.pop(), "has no line of patient far-003 for .* with the side found"),
        (lambda world: world.frozen.clear(), "which the bundle does not hold"),
        (
            lambda world: world.exclusions.update({"far-001": "check"}),
            "far-001, who is excluded .stage check.",
        ),
        (
            lambda world: setattr(world, "cohort", world.cohort.drop(index=2)),
            "has patient far-002, who is not in the cohort",
        ),
    ],
)
def test_tables_that_disagree_are_refused(external, change, says):
    world = external(4)
    change(world)
    with pytest.raises(ReadingsError, match=rf"^readings\.tsv has .*{says.removeprefix('has ')}"):
        read_external(**world.write())


def test_a_row_of_the_bundle_without_readings_is_left_out(external):
    world = external(4, rows=(ROW, "3d/phase4_attention/phase3"))
    world.lines = [line for line in world.lines if line.row == ROW and line.side_from == "found"]
    (tested,) = read_external(**world.write()).tested
    assert (tested.frozen.row, tested.side_from) == (ROW, "found")
