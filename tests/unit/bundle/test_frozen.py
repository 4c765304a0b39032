"""What an external test takes of a bundle: its numbers, exactly, and its cohort."""

import json
import math

import pytest
from small_bundle import make_recipe, make_summary

from strokeclock.bundle.frozen import convert_case_mix, freeze, write_frozen_numbers
from strokeclock.bundle.summary import Range
from strokeclock.evaluation.external.case_mix import write_external_case_mix
from strokeclock.evaluation.external.frozen import read_frozen
from strokeclock.evaluation.intervals import wilson_interval

TABLE2 = {
    **{"n": 80.0, "positives": 40.0, "auc": 0.8, "auc_low": 0.7, "auc_high": 0.9},
    **{"sensitivity": 0.75, "specificity": 0.7, "accuracy": 0.725},
}


def with_development(**changes):
    row = make_recipe().rows[0]
    return row.model_copy(update={"development": TABLE2 | changes})


def test_numbers_are_those_of_the_recipe():
    row = with_development()
    found, point = freeze(row), row.operating
    assert (found.row, found.below_min) == ("segmentation/phase3_tss4h5/3d", 270)
    assert (found.threshold, found.source, found.temperature) == (
        point.threshold,
        point.source,
        point.temperature,
    )
    assert found.prevalence == sum(one.positives for one in point.bins) / sum(one.n for one in point.bins)


def test_predictive_values_follow_from_the_counts():
    row = with_development()
    performance = freeze(row).development.performance
    assert performance["auc"] == (0.8, 0.7, 0.9)
    ends = wilson_interval(30, 42, confidence=row.operating.confidence)
    assert performance["ppv"] == (30 / 42, *ends)
    assert performance["npv"].value == 28 / 38
    assert math.isnan(performance["accuracy"].low)


def test_calibration_is_that_of_the_row():
    row = with_development()
    found = freeze(row).development.calibration["as predicted"]
    assert (found["brier"].value, *found["slope"][:2]) == (0.2, 0.9, 0.5)
    assert math.isnan(found["slope"].high)
    assert math.isnan(found["ece"].value)


def test_a_row_that_was_not_evaluated_has_no_development():
    assert freeze(make_recipe().rows[0]).development is None


def test_a_validation_part_of_one_class_has_no_prevalence():
    row = with_development()
    point = row.operating.model_copy(update={"bins": [], "threshold": None, "temperature": None})
    found = freeze(row.model_copy(update={"operating": point}))
    assert (found.prevalence, found.threshold, found.temperature) == (None, None, None)


def test_the_case_mix_stands_beside_the_external_patients(external, tmp_path):
    age = Range(n=48, low=40, lower_quartile=55, median=70, upper_quartile=80, high=90)
    summary = make_summary(
        case_mix={"age": age},
        shares={"female": 0.5, "left": 0.6, "right": 0.4},
        with_onset={"train": 40, "validation": 40, "test": 80},
        below={"270": {"train": 10, "validation": 1, "test": 1}},
    )
    found = convert_case_mix(summary)
    assert found["numbers"] == {"age": {"n": 48, "quantiles": {"0.25": 55, "0.5": 70, "0.75": 80}}}
    assert found["shares"] == {
        "sex": {"n": 50, "shares": {"female": 0.5}},
        "lesion side": {"n": 50, "shares": {"left": 0.6, "right": 0.4}},
        "TSS < 4.5 h": {"n": 40, "shares": {"yes": 0.25}},
    }
    world, path = external(30), tmp_path / "summary.json"
    path.write_text(json.dumps(found))
    write_external_case_mix(table=tmp_path / "case_mix.csv", summary=path, **world.write())
    rows = world.read(tmp_path / "case_mix.csv").set_index(["variable", "level"])
    assert rows.loc[("age, years", ""), "development"] == 70
    assert rows.loc[("sex", "female"), "development"] == 0.5
    assert rows.loc[("TSS < 4.5 h", "yes"), "development"] == 0.25


def test_a_summary_without_shares_is_converted():
    assert convert_case_mix(make_summary(below={})) == {"n": 50, "numbers": {}, "shares": {}}


@pytest.mark.parametrize("row", ["segmentation/phase3_tss4h5/3d", "segmentation/phase3_tss4h5/ratios"])
def test_a_bundle_gives_both_files(bundle_path, tmp_path, row):
    write_frozen_numbers(bundle_path, tmp_path / "operating.json", tmp_path / "summary.json")
    assert read_frozen(tmp_path / "operating.json")[row].below_min == 270
    assert json.loads((tmp_path / "summary.json").read_text())["n"] == 50
