"""Abstaining around the threshold: bands by hand, chosen on validation, measured on test."""

import re

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.abstention import COLUMNS, ONE_SEED, write_abstention
from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.operating import COVERAGES, MARGIN, SPREAD, certainty
from strokeclock.predictions import Scorer, Units, collect_predictions

SETTINGS = {"confidence": 0.95}
SCORER = ("2d", "phase3_tss4h5", "phase2")


def test_certainty_in_log_odds():
    scores = np.array([[0.5, 0.5], [0.8, 0.6], [0.1, 0.1]])
    units = Units(np.array(list("abc")), np.array([0, 1, 0]), scores)
    margin = certainty(units, 0.5, measure=MARGIN)
    assert margin == pytest.approx([0, np.log(0.7 / 0.3), np.log(9)])
    spread = certainty(units, 0.5, measure=SPREAD)
    sd = abs(np.log(4) - np.log(1.5)) / np.sqrt(2)
    assert spread[:2] == pytest.approx([0, margin[1] / sd])
    assert spread[2] == spread.max()  # seeds that agree, off the threshold, have the highest certainty


@pytest.fixture
def abstention(made_up_run):
    def make(scorers=(SCORER,), *, chosen=None, **files):
        paths = made_up_run.write(scorers, **files)
        fitted = made_up_run.fit(paths, **(chosen or {}))
        root = made_up_run.root
        output = root / "tables/abstention.csv"
        write_abstention(
            paths,
            output,
            abstention=fitted["abstention"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            settings=SETTINGS,
        )
        assert not re.search(r"\bnan\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype={"note": str, "certainty": str}).fillna(
            {"note": "", "certainty": ""}
        )
        assert list(table.columns) == list(COLUMNS)
        return table, paths

    return make


@pytest.mark.parametrize("measure", [MARGIN, SPREAD])
def test_the_band_by_hand(abstention, measure):
    table, paths = abstention()
    found = collect_predictions(paths)[Scorer(*SCORER)]
    validation, test = found.units("validation"), found.units("test")
    threshold = youden_threshold(validation.label, validation.score)
    rows = table[table["certainty"] == measure].set_index("coverage")
    assert rows.index.tolist() == list(COVERAGES)
    whole = rows.loc[1.0]
    assert (whole["answered"], whole["cut"]) == (1, 0)
    assert whole["accuracy"] == pytest.approx(np.mean((test.score >= threshold) == test.label), abs=1e-6)
    sure = np.sort(certainty(validation, threshold, measure=measure))
    row = rows.loc[0.6]
    assert row["cut"] == pytest.approx(sure[8], rel=1e-5)  # the 12 surest of 20 are at or above
    answered = certainty(test, threshold, measure=measure) >= sure[8]
    assert row["answered"] == pytest.approx(answered.mean())
    right = ((test.score >= threshold) == test.label)[answered]
    assert row["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
    low, high = proportion_confint(right.sum(), right.size, method="wilson")
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((low, high), abs=1e-6)
    assert row[["tp", "fn", "tn", "fp"]].sum() == answered.sum()


def test_the_band_does_not_depend_on_the_test_part(abstention):
    def turned(_scorer, _seed, rows):
        return rows["score"] if rows["part"].iloc[0] == "validation" else 1 - rows["score"]

    first, _ = abstention()
    second, _ = abstention(score=turned)
    assert first["cut"].tolist() == second["cut"].tolist()
    assert first["accuracy"].tolist() != second["accuracy"].tolist()


def test_one_seed_has_a_margin_and_no_spread(abstention):
    table, _ = abstention(seeds=(0,))
    assert (table["certainty"] == MARGIN).sum() == len(COVERAGES)
    (row,) = table[table["certainty"] == SPREAD].to_dict("records")
    assert row["note"] == ONE_SEED
    assert np.isnan(row["answered"])


def test_networks_with_a_tss_target_alone(abstention):
    table, _ = abstention([SCORER, ("2d", "phase1_stroke", "random"), ("ratio", "phase3_tss4h5", "flair")])
    assert set(table["model"]) == {"2d"}
    assert set(table["stage"]) == {"phase3_tss4h5"}
    table, _ = abstention([("2d", "phase1_stroke", "random")])
    assert table["note"].tolist() == ["not run: no network with a TSS target was run"]


def test_one_class_on_validation_says_so(abstention, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 30
    table, _ = abstention()
    assert table["note"].tolist() == ["not run: the part that the threshold is chosen on has one class only"]


def test_one_class_on_test_has_no_specificity(abstention, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 30
    table, _ = abstention()
    assert table["specificity"].isna().all()
    assert table["sensitivity"].notna().all()


def test_a_threshold_from_elsewhere_is_noted(abstention):
    table, _ = abstention(chosen={"threshold": "test"})
    assert (table["note"] == "threshold: test (optimistic)").all()
