"""Predictive values and likelihood ratios, against published examples and other libraries; their table."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import relative_risk
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.accuracy import (
    COLUMNS,
    NEGATIVE,
    POSITIVE,
    likelihood_ratio,
    resample_measures,
    write_accuracy,
)
from strokeclock.evaluation.intervals import resample_weights
from strokeclock.evaluation.metrics import Counts, auc, compare_pairs, youden_threshold
from strokeclock.evaluation.seeds import estimate_over_seeds
from strokeclock.predictions import Scorer, collect_predictions

SETTINGS = {"confidence": 0.95, "bootstraps": 200}
STROKE = ("2d", "phase1_stroke", "random")
TIME = ("2d", "phase3_tss4h5", "phase2")
RATIO = ("ratio", "phase3_tss4h5", "flair")


def test_likelihood_ratios_by_hand():
    """Sensitivity 90/100, specificity 160/200: LR+ .9/.2, LR- .1/.8; their logarithms' variances by hand."""
    counts = Counts(tp=90, fn=10, tn=160, fp=40)
    for name, value, variance in (
        (POSITIVE, 4.5, 1 / 90 - 1 / 100 + 1 / 40 - 1 / 200),
        (NEGATIVE, 0.125, 1 / 10 - 1 / 100 + 1 / 160 - 1 / 200),
    ):
        found = likelihood_ratio(counts, name, confidence=0.95)
        half = 1.959964 * math.sqrt(variance)
        assert found.value == pytest.approx(value)
        assert found.interval == pytest.approx((value * math.exp(-half), value * math.exp(half)), rel=1e-6)


@pytest.mark.parametrize("counts", [Counts(26, 11, 30, 7), Counts(3, 40, 39, 1), Counts(12, 1, 9, 50)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_likelihood_ratios_are_ratios_of_two_proportions(counts, confidence):
    for name, a, b in ((POSITIVE, counts.tp, counts.fp), (NEGATIVE, counts.fn, counts.tn)):
        found = likelihood_ratio(counts, name, confidence=confidence)
        expected = relative_risk(a, counts.positives, b, counts.negatives)
        interval = expected.confidence_interval(confidence)
        assert found.value == pytest.approx(expected.relative_risk)
        assert found.interval == pytest.approx((interval.low, interval.high))


def test_a_cell_of_0_gets_a_half_in_all_cells():
    """tp 8, fp 0 of 10 and 20: LR+ is (8.5 / 11) / (.5 / 21); LR- needs no correction."""
    counts = Counts(tp=8, fn=2, tn=20, fp=0)
    found = likelihood_ratio(counts, POSITIVE, confidence=0.95)
    half = 1.959964 * math.sqrt(1 / 8.5 - 1 / 11 + 1 / 0.5 - 1 / 21)
    value = 8.5 / 11 * 21 / 0.5
    assert found.value == pytest.approx(value)
    assert found.interval == pytest.approx((value * math.exp(-half), value * math.exp(half)), rel=1e-6)
    assert likelihood_ratio(counts, NEGATIVE, confidence=0.95).value == pytest.approx(0.2)


def test_calls_that_are_all_the_same_tell_nothing():
    nobody, everybody = Counts(tp=0, fn=5, tn=7, fp=0), Counts(tp=5, fn=0, tn=0, fp=7)
    for counts, undefined, defined in ((nobody, POSITIVE, NEGATIVE), (everybody, NEGATIVE, POSITIVE)):
        assert math.isnan(likelihood_ratio(counts, undefined, confidence=0.95).value)
        found = likelihood_ratio(counts, defined, confidence=0.95)
        assert found.value == 1
        assert all(map(math.isnan, found.interval))


def test_resampled_patients_by_explicit_resampling():
    rng = np.random.default_rng(0)
    patient, label = np.repeat(np.arange(25), 2), np.tile([1, 0], 25)
    called = (rng.random(50) < np.where(label, 0.7, 0.15)).astype(int)
    found = resample_measures(label, called, patient=patient, confidence=0.9, bootstraps=300)
    drawn = {"ppv": [], "npv": [], POSITIVE: [], NEGATIVE: []}
    for times in resample_weights(25, bootstraps=300):
        rows = np.repeat(np.arange(50).reshape(25, 2), times, axis=0).ravel()
        cells = [
            int(((label[rows] == truth) & (called[rows] == call)).sum())
            for truth, call in ((1, 1), (1, 0), (0, 0), (0, 1))
        ]
        counts = Counts(*cells)
        drawn["ppv"].append(counts.ppv)
        drawn["npv"].append(counts.npv)
        for name in (POSITIVE, NEGATIVE):
            drawn[name].append(likelihood_ratio(counts, name, confidence=0.9).value)
    for name, values in drawn.items():
        assert np.isfinite(values).all()
        assert found[name] == pytest.approx(np.quantile(values, [0.05, 0.95]))


@pytest.fixture
def accuracy(made_up_run):
    """Write the run's files and the table; return it, indexed by row, and the scorers."""

    def make(scorers=(STROKE, TIME, RATIO), *, readers=True, **files):
        paths = made_up_run.write(scorers, **files)
        root = made_up_run.root
        output = root / "tables/accuracy.csv"
        write_accuracy(
            paths,
            output,
            thresholds=made_up_run.fit(paths)["thresholds"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            exclusions=root / "cohort/exclusions.tsv",
            readers=root / "readers.tsv" if readers else None,
            settings=SETTINGS,
        )
        assert not re.search(r"\b(nan|inf)\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype={"note": str, "start": str}).fillna({"note": "", "start": ""})
        assert list(table.columns) == list(COLUMNS)
        return table.set_index(["model", "stage", "start"]), collect_predictions(paths)

    return make


def noisy(scorer, seed, rows):
    """Scores that often err."""
    rng = np.random.default_rng([seed, len(rows), *"".join(scorer).encode()])
    return 1 / (1 + np.exp(-rng.normal(rows["label"] - 0.5, 1.0)))


def test_a_row_at_its_own_threshold(accuracy):
    table, scorers = accuracy(score=noisy)
    found = scorers[Scorer(*TIME)]
    validation, test = found.units("validation"), found.units("test")
    called = test.score >= youden_threshold(validation.label, validation.score)
    row = table.loc[TIME]
    tp, fp = int((called & (test.label == 1)).sum()), int((called & (test.label == 0)).sum())
    assert (row["n"], row["positives"], row["tp"], row["fp"]) == (20, test.label.sum(), tp, fp)
    assert row["prevalence"] == pytest.approx(test.label.mean(), abs=1e-6)
    assert row["ppv"] == pytest.approx(tp / (tp + fp), abs=1e-6)
    ends = proportion_confint(tp, tp + fp, method="wilson")
    assert (row["ppv_low"], row["ppv_high"]) == pytest.approx(ends, abs=1e-5)
    right, among = int((~called & (test.label == 0)).sum()), int((~called).sum())
    assert row["npv"] == pytest.approx(right / among, abs=1e-6)
    assert (row["npv_low"], row["npv_high"]) == pytest.approx(
        proportion_confint(right, among, method="wilson"), abs=1e-5
    )
    shares = called[test.label == 1].mean(), called[test.label == 0].mean()
    assert row[POSITIVE] == pytest.approx(shares[0] / shares[1], rel=1e-5)
    assert row[NEGATIVE] == pytest.approx((1 - shares[0]) / (1 - shares[1]), rel=1e-5)
    assert row["note"] == ""


def test_the_auc_of_a_single_training_stands_beside_the_ensembles(accuracy):
    table, scorers = accuracy(score=noisy)
    test = scorers[Scorer(*TIME)].units("test")
    row = table.loc[TIME]
    assert row["auc"] == pytest.approx(auc(test.label, test.score), abs=1e-6)
    pairs = [compare_pairs(test.label, score) for score in test.scores.T]
    expected = estimate_over_seeds(pairs, confidence=0.95)
    assert row["auc_seeds_patients"] == pytest.approx(np.mean([one.mean() for one in pairs]), abs=1e-6)
    ends = row["auc_seeds_patients_low"], row["auc_seeds_patients_high"]
    assert ends == pytest.approx(expected.interval, abs=1e-6)
    assert row["auc"] != row["auc_seeds_patients"]
    baseline = table.loc[RATIO]
    assert np.isnan(baseline["auc_seeds_patients"])
    assert baseline["note"].endswith("fitted once, so no seed varies")


def test_one_seed_has_a_mean_and_no_interval(accuracy):
    table, _ = accuracy([TIME], seeds=(0,), score=noisy)
    row = table.loc[TIME]
    assert row["auc_seeds_patients"] == row["auc"]
    assert np.isnan(row["auc_seeds_patients_low"])
    assert row["note"].endswith("one seed: no interval over seeds")


def test_hemispheres_are_resampled_by_patient(accuracy):
    table, scorers = accuracy()
    found = scorers[Scorer(*STROKE)]
    validation, test = found.units("validation"), found.units("test")
    called = test.score >= youden_threshold(validation.label, validation.score)
    expected = resample_measures(test.label, called, patient=test.patient, **SETTINGS)
    row = table.loc[STROKE]
    assert (row["unit"], row["n"]) == ("hemisphere", 40)
    for name, interval in expected.items():
        assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(interval, rel=1e-5)
    drawn = {"label": test.label, "patient": test.patient, "bootstraps": 200}
    pairs = [compare_pairs(test.label, score) for score in test.scores.T]
    interval = estimate_over_seeds(pairs, confidence=0.95, **drawn).interval
    assert (row["auc_seeds_patients_low"], row["auc_seeds_patients_high"]) == pytest.approx(
        interval, abs=1e-6
    )
    assert "intervals from resampled patients" in row["note"]


def test_readers_and_their_majority(accuracy, made_up_run):
    table, _ = accuracy([TIME])
    test = made_up_run.cohort["part"] == "test"
    truth = made_up_run.cohort[test]["onset_to_mri_min"] < 270
    calls = made_up_run.readers[test]
    for name, called in (
        ("reader1", calls["reader1"] == 1),
        ("majority", calls[["reader1", "reader2", "reader3"]].sum(axis=1) > 1),
    ):
        row = table.loc[(name, "readers", "")]
        assert row["ppv"] == pytest.approx(truth[called].mean(), abs=1e-6)
        assert row["npv"] == pytest.approx((~truth)[~called].mean(), abs=1e-6)
        among = int((~called).sum())
        ends = proportion_confint(int((~truth & ~called).sum()), among, method="wilson")
        assert (row["npv_low"], row["npv_high"]) == pytest.approx(ends, abs=1e-5)
    # reader 1 calls no patient with a longer time
    row = table.loc[("reader1", "readers", "")]
    assert row["ppv"] == 1
    assert row["note"] == "LR+: a cell is 0, so 0.5 is added to each cell"
    assert row["lr_positive_low"] < row["lr_positive"] < row["lr_positive_high"]


def test_what_was_not_run_says_so(accuracy, made_up_run):
    table, _ = accuracy([TIME], readers=False)
    assert table["note"].iloc[-1] == "not run: no reader sheet is configured (cohort.readers)"
    table, _ = accuracy([("2d", "phase2_tss3h", "random")])
    assert table["note"].iloc[-1] == "not run: no phase 3 or 4 was run"
    table, _ = accuracy([])
    assert table["note"].tolist() == ["not run: no row was predicted"]
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 400
    table, _ = accuracy([TIME])
    assert table["note"].str.startswith("not evaluated: the validation or test part has one class").all()
    assert table["ppv"].isna().all()


def test_calls_that_are_all_the_same_say_so(accuracy):
    def score(_scorer, _seed, rows):  # validation: a threshold of .9; test: nobody reaches it
        best = np.where(rows["label"] == 1, 0.9, 0.1)
        return best if rows["part"].iloc[0] == "validation" else best - 0.05

    table, _ = accuracy([TIME], score=score)
    row = table.loc[TIME]
    assert np.isnan(row[["ppv", "lr_positive", "lr_negative_low"]].astype(float)).all()
    assert row["lr_negative"] == 1
    assert row["note"].startswith(
        "no PPV and LR+: no unit is called positive; no interval of LR−: no unit is called positive"
    )
