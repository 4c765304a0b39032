"""What the size of the test part allows, against published numbers and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.comparison import delong_test
from strokeclock.evaluation.metrics import auc
from strokeclock.evaluation.sample_size import (
    COLUMNS,
    auc_half_width,
    auc_variance,
    correlate_rows,
    least_difference,
    rate_half_width,
    write_sample_size,
)
from strokeclock.predictions import PAPER, Scorer, collect_predictions

RANDOM, CHAIN = ("2d", "phase3_tss4h5", "random"), ("2d", "phase3_tss4h5", "phase2")
STROKE = ("2d", "phase1_stroke", "random")


def test_the_example_of_hanley_and_mcneil():
    """1982: ratings of 58 normal and 51 abnormal images, with an AUC of .893 and a standard error of .032."""
    ratings = [np.repeat(range(1, 6), times) for times in ([33, 6, 6, 11, 2], [3, 2, 2, 11, 33])]
    area = auc(np.repeat([0, 1], [58, 51]), np.concatenate(ratings))
    assert area == pytest.approx(0.893, abs=0.0005)
    assert math.sqrt(auc_variance(area, 51, 58)) == pytest.approx(0.032, abs=0.0006)


@pytest.mark.parametrize("area", [0.6, 0.75, 0.9])
def test_the_variance_is_that_of_exponential_scores(area):
    """The formula's model: negatives exponential with mean 1, positives with mean k, AUC k / (1 + k)."""
    k, positives, negatives = area / (1 - area), 30, 20
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], [positives, negatives])
    areas = [auc(label, rng.exponential(np.where(label, k, 1.0))) for _ in range(4000)]
    assert np.mean(areas) == pytest.approx(area, abs=0.005)
    assert np.var(areas) == pytest.approx(auc_variance(area, positives, negatives), rel=0.07)


def test_the_least_difference_without_correlation():
    """Two independent AUCs differ by d with the power Φ(d / SE - z): given this power, it finds d."""
    for n, first, second in ((565, 0.75, 0.80), (350, 0.85, 0.90)):
        error = math.sqrt(auc_variance(first, n, n) + auc_variance(second, n, n))
        power = norm.cdf((second - first) / error - norm.ppf(0.95))
        found = least_difference(first, n, n, correlation=0, confidence=0.9, power=power)
        assert found == pytest.approx(0.05, abs=1e-9)


def test_the_least_difference_solves_its_equation():
    found = least_difference(0.75, 110, 90, correlation=0.4, confidence=0.95)
    first, second = auc_variance(0.75, 110, 90), auc_variance(0.75 + found, 110, 90)
    error = math.sqrt(first + second - 0.8 * math.sqrt(first * second))
    assert found == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) * error)
    assert found < least_difference(0.75, 110, 90, correlation=0.2, confidence=0.95)
    assert math.isnan(least_difference(0.85, 5, 4, correlation=0, confidence=0.95))
    assert least_difference(0.75, 110, 90, correlation=1, confidence=0.95) == pytest.approx(0, abs=1e-9)


def test_the_least_difference_is_shown_as_often_as_it_says():
    """Binormal scores of two correlated rows, tested by DeLong; the formula is of exponential scores."""
    rng = np.random.default_rng(0)
    label = np.r_[np.ones(100, int), np.zeros(100, int)]
    rho, areas = 0.6, [0.75, 0.85]
    distances = [math.sqrt(2) * norm.ppf(area) for area in areas]
    shown, correlations = [], []
    for _ in range(400):
        both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=200) + np.outer(label, distances)
        shown.append(delong_test(label, both[:, 1], both[:, 0], confidence=0.95).p < 0.05)
        correlations.append(correlation(label, both))
    power = np.mean(shown)
    difference = least_difference(
        0.75, 100, 100, correlation=np.mean(correlations), confidence=0.95, power=power
    )
    assert difference == pytest.approx(0.10, abs=0.01)


def correlation(label, scores):
    """Of two AUCs, by the variance of their difference."""
    a, b = (delong_test(label, scores[:, one], np.zeros(len(label)), confidence=0.95) for one in (0, 1))
    both = delong_test(label, scores[:, 0], scores[:, 1], confidence=0.95)
    first, second, apart = (((one.interval.high - one.interval.low) / 2) ** 2 for one in (a, b, both))
    return (first + second - apart) / (2 * math.sqrt(first * second))


def test_half_widths():
    low, high = proportion_confint(80, 100, method="wilson")
    assert rate_half_width(0.8, 100, confidence=0.95) == pytest.approx((high - low) / 2)
    assert auc_half_width(0.75, 50, 60, confidence=0.9) == pytest.approx(
        norm.ppf(0.95) * math.sqrt(auc_variance(0.75, 50, 60))
    )


@pytest.fixture
def sizes(made_up_run):
    """Write the run's files and the table; return it."""

    def make(scorers=(STROKE, RANDOM, CHAIN), **files):
        paths = made_up_run.write(scorers, **files)
        root = made_up_run.root
        output = root / "tables/sample_size.csv"
        people = {"cohort": root / "cohort/cohort.tsv", "split": root / "cohort/split.tsv"}
        write_sample_size(paths, output, **people, settings={"confidence": 0.95})
        table = pd.read_csv(output, dtype={"note": str, "words": str}).fillna({"note": "", "words": ""})
        assert list(table.columns) == list(COLUMNS)
        return table, collect_predictions(paths)

    return make


def test_a_target_has_four_rows(sizes):
    table, scorers = sizes()
    rows = table[table["target"] == "TSS < 4.5 h"].set_index(["measure", "assumed"])
    assert rows.index.tolist() == [("AUC", 0.75), ("AUC", 0.85), ("sensitivity", 0.8), ("specificity", 0.8)]
    label = scorers[Scorer(*CHAIN)].units("test").label
    positives, negatives = int(label.sum()), int((1 - label).sum())
    assert set(rows["positives"]) == {positives}
    row = rows.loc[("AUC", 0.75)]
    assert row["half_width"] == pytest.approx(
        auc_half_width(0.75, positives, negatives, confidence=0.95), rel=1e-5
    )
    needed = int(row["needed_positives"]), int(row["needed_negatives"])
    assert needed[1] == math.ceil(needed[0] * negatives / positives)
    assert auc_half_width(0.75, *needed, confidence=0.95) <= 0.05
    fewer = needed[0] - 1, math.ceil((needed[0] - 1) * negatives / positives)
    assert auc_half_width(0.75, *fewer, confidence=0.95) > 0.05
    assert row["words"].startswith(f"With {positives} positives and {negatives} negatives, an AUC of 0.75")
    row = rows.loc[("sensitivity", 0.8)]
    assert row["needed_positives"] == 245  # Wilson's interval of 196 of 245 is .7455 to .8454
    assert np.isnan(row["needed_negatives"])
    assert rows.loc[("specificity", 0.8), "needed_negatives"] == 245
    assert table[table["target"] == "lesion"]["note"].str.contains("two hemispheres").all()


def test_the_correlation_is_that_of_the_compared_rows(sizes):
    table, scorers = sizes()
    timed = {scorer: found for scorer, found in scorers.items() if scorer.phase == RANDOM[1]}
    first, second = (scorers[Scorer(*row)].units("test") for row in (RANDOM, CHAIN))
    expected = correlation(first.label, np.column_stack([first.score, second.score]))
    assert correlate_rows(timed, PAPER).tolist() == pytest.approx([expected])
    row = table[(table["target"] == "TSS < 4.5 h") & (table["assumed"] == 0.75)].iloc[0]
    assert (row["correlation"], row["correlation_pairs"]) == pytest.approx((expected, 1), rel=1e-5)
    found = least_difference(0.75, row["positives"], row["negatives"], correlation=expected, confidence=0.95)
    if math.isnan(found):
        assert row["note"] == "no least difference: even an AUC of 1 is too near"
    else:
        assert row["least_difference"] == pytest.approx(found, rel=1e-5)
        assert "that of the one pair of rows" in row["words"]


def test_one_row_and_one_class_say_so(sizes, made_up_run):
    table, _ = sizes([RANDOM])
    notes = table.set_index("measure")["note"]
    assert set(notes["AUC"]) == {
        "no correlation: no two rows of this target are compared on all test patients"
    }
    assert notes["sensitivity"] == ""
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 400
    table, _ = sizes([RANDOM, CHAIN])
    assert table["note"].tolist() == ["the test part has one class only"]
    table, _ = sizes([])
    assert table["note"].tolist() == ["not run: no row was predicted"]
