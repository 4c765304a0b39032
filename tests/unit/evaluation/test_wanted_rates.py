"""Thresholds at wanted rates: chosen on the validation part, applied to the test part."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.metrics import threshold_at_rate
from strokeclock.evaluation.wanted_rates import (
    COLUMNS,
    WANTED,
    fit_wanted_rates,
    read_wanted_rates,
    write_wanted_rates,
)
from strokeclock.fitted import FittedError
from strokeclock.predictions import Scorer, collect_predictions

STROKE = Scorer("2d", "phase1_stroke", "random")
TIME = Scorer("2d", "phase3_tss4h5", "phase2")
SETTINGS = {"confidence": 0.95, "bootstraps": 100}


@pytest.fixture
def fit(made_up_run):
    """Write the run's files and fit; return the paths of the predictions, and the fitted file."""

    def make(scorers=(STROKE, TIME), **files):
        paths = made_up_run.write(scorers, **files)
        fitted = made_up_run.root / "fitted/wanted_rates.json"
        fit_wanted_rates(paths, fitted, **people(made_up_run))
        return paths, fitted

    return make


@pytest.fixture
def measure(fit, made_up_run):
    """Fit and write the table; return it."""

    def make(*arguments, **files):
        paths, fitted = fit(*arguments, **files)
        output = made_up_run.root / "tables/wanted_rates.csv"
        write_wanted_rates(paths, output, wanted_rates=fitted, **people(made_up_run), settings=SETTINGS)
        assert not re.search(r"\b(nan|inf|None)\b", output.read_text())
        table = pd.read_csv(output, dtype={"note": str}).fillna({"note": ""})
        assert list(table.columns) == list(COLUMNS)
        return table

    return make


def people(run):
    return {"cohort": run.root / "cohort/cohort.tsv", "split": run.root / "cohort/split.tsv"}


def test_thresholds_are_the_validation_parts_own(fit):
    paths, fitted = fit()
    scorers = collect_predictions(paths)
    for scorer, found in read_wanted_rates(fitted, scorers).items():
        validation = scorers[scorer].units("validation")
        assert [(one.rate, one.wanted) for one in found] == list(WANTED)
        assert {one.source for one in found} == {"validation"}
        for rate, wanted, threshold, _ in found:
            assert threshold == threshold_at_rate(
                validation.label, validation.score, rate=rate, wanted=wanted
            )


def test_the_test_part_chooses_nothing(fit):
    def turned(_scorer, _seed, rows):
        return rows["score"] if rows["part"].iloc[0] == "validation" else 1 - rows["score"]

    first = fit()[1].read_bytes()
    assert fit(score=turned)[1].read_bytes() == first


def test_cross_validated_scores_of_training_patients_choose_too(made_up_run):
    paths = made_up_run.write([("ml", "phase4_attention", "radiomics")], seeds=(0,))
    rng = np.random.default_rng(0)
    rows = [
        f"{row.patient}\t{side}\ttrain\t{int(row.onset_to_mri_min < 270)}\t{rng.random()}"
        for row in made_up_run.cohort.itertuples()
        for side in ("left", "right")
        if row.part == "train" and row.lesion_side in (side, "both")
    ]
    paths[0].write_text(paths[0].read_text() + "\n".join(rows) + "\n")
    fitted = made_up_run.root / "fitted/wanted_rates.json"
    fit_wanted_rates(paths, fitted, **people(made_up_run))
    ((scorer, found),) = collect_predictions(paths).items()
    units = found.units("train", "validation")
    first = read_wanted_rates(fitted, {scorer: found})[scorer][0]
    expected = threshold_at_rate(units.label, units.score, rate="specificity", wanted=0.8)
    assert first == ("specificity", 0.8, expected, "cross-validation")
    row = json.loads(fitted.read_text())["rows"][str(scorer)]
    assert row["fitted_on"]["parts"] == ["train", "validation"]


def test_other_predictions_are_refused(fit):
    scorers = collect_predictions(fit()[0])
    _, fitted = fit(score=lambda _scorer, _seed, rows: rows["score"] ** 2)
    with pytest.raises(FittedError, match=f"wanted_rates.json was fitted on other predictions of {STROKE}"):
        read_wanted_rates(fitted, scorers)
    stranger = Scorer("3d", TIME.phase, TIME.start)
    with pytest.raises(FittedError, match=f"wanted_rates.json holds nothing of {stranger}"):
        read_wanted_rates(fitted, {stranger: scorers[TIME]})


def test_a_file_of_thresholds_is_refused(fit, made_up_run):
    paths, _ = fit()
    with pytest.raises(FittedError, match="holds 'thresholds', not 'wanted_rates'"):
        read_wanted_rates(made_up_run.fit(paths)["thresholds"], collect_predictions(paths))


def test_the_file_names_no_patient(fit, made_up_run):
    text = fit()[1].read_text()
    assert not [name for name in made_up_run.cohort["patient"] if f'"{name}"' in text]


def test_what_is_achieved_on_the_test_part(measure, made_up_run):
    table = measure()
    scorers = collect_predictions(made_up_run.root.glob("predictions/**/*.tsv"))
    validation, test = (scorers[TIME].units(part) for part in ("validation", "test"))
    rows = table[table["stage"] == TIME.phase]
    assert list(zip(rows["rate"], rows["wanted"], strict=True)) == list(WANTED)
    for _, row in rows.iterrows():
        threshold, own = (
            threshold_at_rate(units.label, units.score, rate=row["rate"], wanted=row["wanted"])
            for units in (validation, test)
        )
        assert row["threshold"] == pytest.approx(threshold, rel=1e-5)
        assert row["threshold_source"] == "validation"
        for limit, prefix in ((threshold, ""), (own, "optimistic_")):
            right = test.score[test.label == 1] >= limit, test.score[test.label == 0] < limit
            for name, cells in zip(("sensitivity", "specificity"), right, strict=True):
                assert row[f"{prefix}{name}"] == pytest.approx(cells.mean(), abs=1e-6)
                if not prefix:
                    ends = proportion_confint(int(cells.sum()), len(cells), method="wilson")
                    found = row[f"{name}_low"], row[f"{name}_high"]
                    assert found == pytest.approx(ends, abs=1e-5)
        assert row[f"optimistic_{row['rate']}"] >= row["wanted"]


def test_hemispheres_are_resampled_by_patient(measure):
    rows = measure([STROKE])
    assert set(rows["unit"]) == {"hemisphere"}
    assert set(rows["n"]) == {40}
    assert (rows["note"].str.startswith("intervals from resampled patients")).all()
    some = rows[rows["specificity"] < 1]
    assert ((some["specificity_low"] <= some["specificity"]) & some["specificity_low"].notna()).all()


def test_a_rate_that_no_score_reaches_says_so(measure):
    """In validation the highest scores are of longer times."""

    def score(_scorer, _seed, rows):
        turned = 1.0 - rows["label"]
        return turned if rows["part"].iloc[0] == "validation" else rows["score"]

    rows = measure([TIME], score=score).set_index(["rate", "wanted"])
    row = rows.loc[("specificity", 0.9)]
    assert row["note"] == (
        "no threshold: at the highest score of the part that thresholds are chosen on, too many are called"
    )
    assert np.isnan(row["threshold"])
    assert np.isnan(row["sensitivity"])
    assert row["optimistic_specificity"] >= 0.9
    assert rows.loc[("sensitivity", 0.9), "threshold"] == 0


def test_one_class_says_so(measure, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 400
    rows = measure([TIME])
    assert set(rows["note"]) == {"the part that thresholds are chosen on has one class only"}
    assert rows["sensitivity"].isna().all()
    assert rows["optimistic_sensitivity"].notna().all()
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 400
    rows = measure([TIME])
    assert rows["note"].str.startswith("the test part has one class only; ").all()
    assert measure([])["note"].tolist() == ["not run: no row was predicted"]
