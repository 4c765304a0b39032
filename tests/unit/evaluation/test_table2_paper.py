"""The shipped copy of the paper's Table 2: its counts found again by search, its flags checked."""

import csv
from pathlib import Path

import pytest

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"
with open(PAPER, newline="") as file:
    ROWS = list(csv.DictReader(file))
LARGEST = 140  # of a class; the test set has 82 patients


def has(row, flag):
    return flag in row["flags"].split()


def name(row):
    return "-".join(filter(None, (row["stage"], row["model"], row["weights"])))


def fits(k, n, printed):
    """Whether k/n is printed so: rounded or cut at four digits (the table does both)."""
    return abs(k / n - printed) < 1e-4


def solutions(row):
    """All (positives, negatives, tp, tn) that give the printed rates."""
    sensitivity, specificity, accuracy = (
        float(row[rate]) for rate in ("sensitivity", "specificity", "accuracy")
    )
    found = []
    for positives in range(1, LARGEST):
        tp = round(sensitivity * positives)
        if not fits(tp, positives, sensitivity):
            continue
        for negatives in range(1, LARGEST):
            tn = round(specificity * negatives)
            if fits(tn, negatives, specificity) and fits(tp + tn, positives + negatives, accuracy):
                found.append((positives, negatives, tp, tn))
    return found


def counts(row):
    return tuple(int(row[cell]) for cell in ("positives", "negatives", "tp", "tn"))


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_counts_are_the_only_ones_up_to_a_common_factor(row):
    found = solutions(row)
    if has(row, "no_solution") or has(row, "sensitivity_typo"):
        assert found == []
        return
    positives, negatives, tp, tn = counts(row)
    assert counts(row) in found
    for other in found:
        assert other[0] * negatives == other[1] * positives
        assert other[0] * tp == other[2] * positives
        assert other[1] * tn == other[3] * negatives


@pytest.mark.parametrize("row", [row for row in ROWS if has(row, "sensitivity_typo")], ids=name)
def test_a_misprint_is_of_the_sensitivity_alone(row):
    positives, negatives, tp, tn = counts(row)
    assert fits(tn, negatives, float(row["specificity"]))
    assert fits(tp + tn, positives + negatives, float(row["accuracy"]))
    assert 1e-4 <= abs(tp / positives - float(row["sensitivity"])) < 2e-3


def test_the_radiomics_row_contradicts_itself():
    (row,) = (row for row in ROWS if has(row, "no_solution"))
    assert row["model"] == "ml"
    rates = sorted((float(row["sensitivity"]), float(row["specificity"])))
    assert not rates[0] <= float(row["accuracy"]) <= rates[1]


def test_auc_from_hard_labels_is_the_mean_of_sensitivity_and_specificity():
    for row in ROWS:
        if row["auc"]:
            mean = (float(row["sensitivity"]) + float(row["specificity"])) / 2
            assert (abs(float(row["auc"]) - mean) < 1e-4) == has(row, "auc_from_hard_labels"), name(row)


def test_class_sizes_and_their_flags():
    """42 of 82 test patients are under 4.5 h and 33 under 3 h: what fits neither is flagged."""
    own = {"phase2_tss3h": (33, 49), "phase3_tss4h5": (42, 40), "phase4_attention": (42, 40)}
    for row in ROWS:
        positives, negatives, *_ = counts(row)
        if row["stage"] == "readers":
            assert (positives, negatives) == (42, 40)
        elif row["stage"] != "phase1_stroke" and positives + negatives == 82:
            expected = own[row["stage"]]
            if has(row, "label_flip"):
                expected = expected[::-1]
            if has(row, "class_split_3h"):
                expected = (33, 49)
            if has(row, "class_split_4h5"):
                expected = (42, 40)
            assert (positives, negatives) == expected, name(row)
        else:
            assert has(row, "other_patients"), name(row)
