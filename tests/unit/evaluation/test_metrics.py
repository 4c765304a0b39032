"""Counts, AUC, Youden's threshold, against hand-made cases and brute force."""

import math
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score

from strokeclock.evaluation.metrics import auc, count, roc, threshold_at_rate, youden_threshold


def test_counts_of_a_hand_made_case():
    counts = count([1, 1, 1, 0, 0], [1, 0, 1, 1, 0])
    assert counts == (2, 1, 1, 1)
    assert (counts.sensitivity, counts.specificity, counts.accuracy) == (2 / 3, 1 / 2, 3 / 5)


def test_counts_agree_with_sklearn():
    label, called = np.random.default_rng(0).integers(0, 2, (2, 200))
    (tn, fp), (fn, tp) = confusion_matrix(label, called)
    assert count(label, called) == (tp, fn, tn, fp)


def test_predictive_values_of_a_hand_made_case():
    counts = count([1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 0])  # called 5, of whom 2 are positive
    assert (counts.called, counts.ppv, counts.npv) == (5, 2 / 5, 1 / 2)
    assert counts.prevalence == 3 / 7
    assert math.isnan(count([1, 0], [0, 0]).ppv)
    assert math.isnan(count([1, 0], [1, 1]).npv)


def test_a_rate_without_denominator_is_nan():
    assert math.isnan(count([0, 0], [0, 1]).sensitivity)
    assert math.isnan(auc([1, 1], [0.2, 0.4]))


def test_auc_with_ties_by_hand():
    assert auc([1, 1, 0, 0], [0.9, 0.5, 0.5, 0.1]) == 3.5 / 4


@pytest.mark.parametrize("digits", [1, 8])
def test_auc_agrees_with_sklearn(digits):
    rng = np.random.default_rng(1)
    label, score = rng.integers(0, 2, 150), rng.random(150).round(digits)
    assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)


def test_auc_of_permuted_labels_is_a_half():
    rng = np.random.default_rng(2)
    label, score = np.repeat([0, 1], 200), rng.random(400)
    areas = [auc(rng.permutation(label), score) for _ in range(100)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.array(areas) - 0.5).max() < 0.12


def test_roc_runs_from_nothing_to_everything():
    curve = roc([1, 0, 1], [0.9, 0.5, 0.5])
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.5]
    assert curve.tp.tolist() == [0, 1, 2]
    assert curve.fp.tolist() == [0, 0, 1]


def youden_and_sensitivity(counts):
    """As fractions: equal where they are equal, whatever floats would say."""
    sensitivity = Fraction(counts.tp, counts.positives)
    return sensitivity - Fraction(counts.fp, counts.negatives), sensitivity


def test_youden_by_brute_force():
    rng = np.random.default_rng(3)
    for _ in range(300):
        label, score = np.r_[0, 1, rng.integers(0, 2, 12)], rng.random(14).round(1)
        best = max(youden_and_sensitivity(count(label, score >= t)) for t in score)
        threshold = youden_threshold(label, score)
        assert threshold in score
        assert youden_and_sensitivity(count(label, score >= threshold)) == best


def test_youden_tie_goes_to_the_higher_sensitivity():
    # J is 1/2 at 0.9 (sensitivity 1/2) and at 0.4 (sensitivity 1)
    assert youden_threshold([1, 0, 1, 0], [0.9, 0.5, 0.4, 0.1]) == 0.4


def test_youden_is_an_observed_score_even_when_scores_do_not_help():
    assert youden_threshold([1, 0], [0.1, 0.9]) == 0.1


def test_youden_needs_both_classes():
    with pytest.raises(ValueError, match="both classes"):
        youden_threshold([1, 1], [0.1, 0.9])


# Five negatives and five positives; .5 is a tie of one of each, .7 of two positives.
SCORES = {0: [0.1, 0.2, 0.3, 0.5, 0.8], 1: [0.4, 0.5, 0.7, 0.7, 0.9]}
FIVE = np.repeat([0, 1], 5), np.array(SCORES[0] + SCORES[1])


@pytest.mark.parametrize(
    ("rate", "wanted", "threshold"),
    [
        # specificity: .6 from .4 and .5 on, .8 from .7 and .8 on, 1 from .9 on
        ("specificity", 0.6, 0.4),
        ("specificity", 0.61, 0.7),
        ("specificity", 0.8, 0.7),
        ("specificity", 0.81, 0.9),
        ("specificity", 1, 0.9),
        # sensitivity: .2 at .9 and .8, .6 at .7, .8 at .5, 1 from .4 down
        ("sensitivity", 0.2, 0.9),
        ("sensitivity", 0.21, 0.7),
        ("sensitivity", 0.6, 0.7),
        ("sensitivity", 0.8, 0.5),
        ("sensitivity", 0.81, 0.4),
        ("sensitivity", 1, 0.4),
    ],
)
def test_thresholds_at_wanted_rates_by_hand(rate, wanted, threshold):
    assert threshold_at_rate(*FIVE, rate=rate, wanted=wanted) == threshold


def test_the_threshold_of_a_wanted_specificity_is_the_lowest_that_reaches_it():
    rng = np.random.default_rng(3)
    for _ in range(50):
        label, score = np.r_[0, 1, rng.integers(0, 2, 30)], rng.random(32).round(1)
        for wanted in (0.5, 0.8, 0.85, 0.9):
            found = threshold_at_rate(label, score, rate="specificity", wanted=wanted)
            reached = [
                one
                for one in set(score)
                if Fraction(int((score[label == 0] < one).sum()), int((label == 0).sum()))
                >= Fraction(str(wanted))
            ]
            assert found == min(reached, default=None)
            found = threshold_at_rate(label, score, rate="sensitivity", wanted=wanted)
            reached = [
                one
                for one in set(score)
                if Fraction(int((score[label == 1] >= one).sum()), int(label.sum())) >= Fraction(str(wanted))
            ]
            assert found == max(reached)


def test_a_specificity_that_no_observed_score_reaches():
    # the highest score is a negative's: at it, one of two negatives is called
    assert threshold_at_rate([0, 0, 1], [0.1, 0.9, 0.5], rate="specificity", wanted=0.8) is None
    assert threshold_at_rate([0, 0, 1], [0.1, 0.9, 0.5], rate="specificity", wanted=0.5) == 0.5


@pytest.mark.parametrize(
    ("label", "rate"), [([1, 1], "specificity"), ([0, 0], "sensitivity"), ([0, 1], "ppv")]
)
def test_a_wanted_rate_needs_both_classes_and_a_name(label, rate):
    with pytest.raises(ValueError, match="wanted"):
        threshold_at_rate(label, [0.1, 0.2], rate=rate, wanted=0.8)
