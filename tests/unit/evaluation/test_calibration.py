"""Calibration against statsmodels and hand computation; temperature from validation alone."""

import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import brier_score_loss

from strokeclock.evaluation import calibration as module
from strokeclock.evaluation.calibration import (
    BINS,
    COLUMNS,
    Bin,
    bin_scores,
    calibration_error,
    fit_line,
    write_calibration,
)
from strokeclock.evaluation.odds import logit, scale
from strokeclock.evaluation.operating import fit_temperature
from strokeclock.predictions import Scorer, collect_predictions

SETTINGS = {"confidence": 0.95, "bootstraps": 200}
SCORER = ("2d", "phase3_tss4h5", "random")


def draw(n, *, slope=1.0, shift=0.0, seed=0):
    """Labels that come true with a probability whose log odds are slope · logit(score) + shift."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(size=n)
    label = (rng.random(n) < 1 / (1 + np.exp(-(slope * odds + shift)))).astype(int)
    return label, 1 / (1 + np.exp(-odds))


def test_line_and_its_intervals_by_statsmodels():
    label, score = draw(400, slope=0.6, shift=0.4)
    patient = np.repeat(np.arange(200), 2)
    found = fit_line(label, score, patient=patient, confidence=0.9)
    clusters = {"cov_type": "cluster", "cov_kwds": {"groups": patient, "use_correction": False}}
    binomial = sm.families.Binomial()
    for value, interval, fit, at in (
        (found.slope, found.slope_interval, sm.GLM(label, sm.add_constant(logit(score)), binomial), 1),
        (
            found.intercept,
            found.intercept_interval,
            sm.GLM(label, np.ones(400), binomial, offset=logit(score)),
            0,
        ),
    ):
        expected = fit.fit(**clusters)
        assert value == pytest.approx(expected.params[at], abs=1e-7)
        error = expected.bse[at] * np.sqrt(200 / 199)
        assert interval == pytest.approx((value - 1.6448536 * error, value + 1.6448536 * error), abs=1e-5)


def test_a_calibrated_score_has_the_ideal_line():
    label, score = draw(60_000)
    found = fit_line(label, score, patient=np.arange(60_000), confidence=0.95)
    assert found.slope == pytest.approx(1, abs=0.03)
    assert found.intercept == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("label", "score"),
    [([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.9]), ([1, 1, 1], [0.2, 0.5, 0.9]), ([0, 1], [0.5, 0.5])],
)
def test_no_line_where_none_can_be_had(label, score):
    found = fit_line(label, score, patient=np.arange(len(label)), confidence=0.95)
    assert np.isnan(found.slope)
    assert np.isnan(found.intercept)


def test_certain_scores_have_log_odds():
    assert logit([0, 0.5, 1]) == pytest.approx([-13.8155, 0, 13.8155], abs=1e-4)


def test_scaling_divides_log_odds():
    assert scale([0.2, 0.5, 0.9], 1) == pytest.approx([0.2, 0.5, 0.9])
    assert logit(scale([0.2, 0.5, 0.9], 2)) == pytest.approx(logit([0.2, 0.5, 0.9]) / 2)


@pytest.fixture
def scorer(made_up_run):
    """One scorer's predictions and their paths, with scores as given for (part, label)."""

    def make(score=None, scorers=(SCORER,), **files):
        paths = made_up_run.write(scorers, score=score, **files)
        return paths, collect_predictions(paths)[Scorer(*scorers[0])]

    return make


def test_temperature_is_one_over_the_slope_without_intercept(scorer):
    _, found = scorer()
    units = found.units("validation")
    slope = sm.GLM(units.label, logit(units.score), sm.families.Binomial()).fit().params[0]
    assert fit_temperature(found) == pytest.approx(1 / slope, rel=1e-5)


def test_temperature_does_not_depend_on_the_test_part(scorer):
    def turned(_scorer, _seed, rows):
        return rows["score"] if rows["part"].iloc[0] == "validation" else 1 - rows["score"]

    _, first = scorer()
    _, second = scorer(turned)
    assert not np.array_equal(first.units("test").score, second.units("test").score)
    assert fit_temperature(first) == fit_temperature(second)


def test_cross_validated_scores_of_training_patients_join(tmp_path):
    label, score = draw(90, slope=2)
    frame = pd.DataFrame({"patient": [f"p{n:02d}" for n in range(90)], "hemisphere": "left", "label": label})
    frame = frame.assign(part=np.repeat(["train", "validation", "test"], 30), score=score)
    path = tmp_path / "ml/phase4_attention/radiomics/seed-0.tsv"
    path.parent.mkdir(parents=True)
    frame.to_csv(path, sep="\t", index=False)
    (found,) = collect_predictions([path]).values()
    slope = sm.GLM(label[:60], logit(score[:60]), sm.families.Binomial()).fit().params[0]
    assert fit_temperature(found) == pytest.approx(1 / slope, rel=1e-5)


def test_bins_of_equal_size_and_their_error():
    label, score = draw(103)
    bins = bin_scores(label, score)
    assert [part.n for part in bins] == [21, 21, 21, 20, 20]
    order = np.argsort(score)
    assert bins[0].positives == label[order[:21]].sum()
    assert bins[-1].mean_score == pytest.approx(score[order[-20:]].mean())
    assert len(bin_scores(*draw(5))) == 1
    assert len(bin_scores(*draw(1000))) == 10
    assert calibration_error([Bin(10, 4, 0.5), Bin(30, 24, 0.6)]) == pytest.approx(0.25 * 0.1 + 0.75 * 0.2)


@pytest.fixture
def calibration(made_up_run, scorer, monkeypatch):
    """Write the run's files and both tables; FEWEST is 3, since the run has 20 test patients."""
    monkeypatch.setattr(module, "FEWEST", 3)

    def make(score=None, **files):
        paths, _ = scorer(score, **files)
        root = made_up_run.root
        outputs = root / "tables/calibration.csv", root / "tables/reliability.csv"
        write_calibration(
            paths,
            *outputs,
            temperatures=made_up_run.fit(paths)["temperatures"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            settings=SETTINGS,
        )
        for path in outputs:
            assert not re.search(r"\bnan\b", path.read_text(), re.IGNORECASE)
        return [pd.read_csv(path, dtype=str, keep_default_na=False) for path in outputs]

    return make


def test_rows_before_and_after_scaling(calibration, scorer):
    table, bins = calibration()
    _, found = scorer()
    assert list(table.columns) == list(COLUMNS)
    assert list(bins.columns) == list(BINS)
    before, after = table.to_dict("records")
    test, temperature = found.units("test"), fit_temperature(found)
    assert (before["scores"], before["temperature"]) == ("as predicted", "")
    assert float(after["temperature"]) == pytest.approx(temperature, rel=1e-5)
    for row, score in ((before, test.score), (after, scale(test.score, temperature))):
        assert float(row["brier"]) == pytest.approx(brier_score_loss(test.label, score), rel=1e-5)
        assert float(row["brier_low"]) < float(row["brier"]) < float(row["brier_high"])
        share = test.label.mean()
        assert float(row["brier_reference"]) == pytest.approx(share * (1 - share), rel=1e-5)
    assert float(after["slope"]) == pytest.approx(float(before["slope"]) * temperature, rel=1e-4)
    assert bins.groupby("scores")["n"].sum().tolist() == ["20", "20"]  # one bin each


def test_hemispheres_of_phase_1_are_calibrated_too(calibration):
    table, _ = calibration(scorers=[("2d", "phase1_stroke", "random")])
    assert table["n"].tolist() == ["40", "40"]
    assert (table["slope_low"] != "").all()


def test_one_class_on_validation_leaves_scores_unscaled(calibration, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 30
    table, bins = calibration()
    assert table["note"].tolist() == ["", "not run: the validation part has one class only"]
    assert table["brier"][1] == ""
    assert set(bins["scores"]) == {"as predicted"}


def test_one_class_on_test_has_no_line(calibration, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 30
    table, _ = calibration()
    assert table["note"].str.contains("no calibration line: too few: fewer than 10 of a class").all()
    assert (table["slope"] == "").all()
    assert (table["brier"] != "").all()


def test_scores_that_separate_the_classes_have_no_line_and_no_temperature(calibration):
    table, _ = calibration(lambda _scorer, _seed, rows: np.where(rows["label"] == 1, 0.8, 0.1))
    assert table["note"].str.contains("the scores separate the classes completely").all()
    assert "end of its range" in table["note"][1]


def test_reversed_scores_get_the_highest_temperature(calibration):
    table, _ = calibration(lambda _scorer, _seed, rows: np.where(rows["label"] == 1, 0.3, 0.6))
    assert float(table["temperature"][1]) == pytest.approx(20, rel=1e-3)
    assert "end of its range" in table["note"][1]
