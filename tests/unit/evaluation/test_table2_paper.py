"""The shipped copy of the paper's Table 2: its counts found again by search, its flags by definition."""

import csv
import math
import random
from pathlib import Path

import pytest

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"
with open(PAPER, newline="") as file:
    ROWS = list(csv.DictReader(file))
LARGEST = 300  # units of a row; the test set has 82 patients, 164 hemispheres
UNDER_3H, UNDER_4H5 = (33, 49), (42, 40)  # of the test patients: under the threshold, and the others
CLASSES = {
    "phase2_tss3h": UNDER_3H,
    "phase3_tss4h5": UNDER_4H5,
    "phase4_attention": UNDER_4H5,
    "readers": UNDER_4H5,
}


def name(row):
    return "-".join(filter(None, (row["stage"], row["model"], row["start"])))


def flags(row):
    return set(row["flags"].split())


def counts(row):
    return tuple(int(row[cell]) for cell in ("positives", "negatives", "tp", "tn"))


def rates(row):
    return tuple(float(row[rate]) for rate in ("sensitivity", "specificity", "accuracy"))


def fits(k, n, printed):
    """Whether k/n is printed so: at four digits, rounded or cut (the table does both)."""
    digits = round(printed * 10_000)
    return digits in (k * 10_000 // n, (k * 20_000 + n) // (2 * n))


def fractions(printed, largest=LARGEST):
    """All (k, n) with n up to `largest` that are printed so."""
    return [
        (k, n)
        for n in range(1, largest + 1)
        for k in {math.floor(printed * n), math.floor(printed * n) + 1}
        if k <= n and fits(k, n, printed)
    ]


def solutions(sensitivity, specificity, accuracy, largest=LARGEST):
    """All (positives, negatives, tp, tn) of up to `largest` units that give the printed rates."""
    negative = fractions(specificity, largest)
    return [
        (positives, negatives, tp, tn)
        for tp, positives in fractions(sensitivity, largest)
        for tn, negatives in negative
        if positives + negatives <= largest and fits(tp + tn, positives + negatives, accuracy)
    ]


@pytest.mark.parametrize(("k", "n", "printed"), [(35, 49, 0.7142), (35, 49, 0.7143), (29, 33, 0.8788)])
def test_a_fraction_is_printed_rounded_or_cut(k, n, printed):
    assert fits(k, n, printed)
    assert not fits(k, n, printed + 0.0002)
    assert (k, n) in fractions(printed)


def test_all_rows_are_there():
    assert len({name(row) for row in ROWS}) == len(ROWS) == 23


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_counts_are_the_only_ones_up_to_a_common_factor(row):
    found = solutions(*rates(row))
    if flags(row) & {"no_solution", "sensitivity_typo"}:
        assert found == []
        return
    assert counts(row) in found
    reduced = {tuple(number // math.gcd(*solution) for number in solution) for solution in found}
    assert len(reduced) == 1


def test_the_common_factor_is_that_of_the_test_set():
    """Twice the counts of a time row are more than the 82 test patients, but for the third reader: half of
    its counts would give its rates, too, and the other readers fix it."""
    for row in ROWS:
        divisor = math.gcd(*counts(row))
        assert divisor == (2 if row["model"] == "reader3" else 1), name(row)
        assert 2 * sum(counts(row)[:2]) > 82


def test_made_up_rates_hardly_ever_have_counts():
    draw = random.Random(0)
    found = 0
    for _ in range(1000):
        sensitivity, specificity, share = (draw.uniform(*span) for span in ((0.2, 0.95),) * 2 + ((0.3, 0.7),))
        accuracy = share * sensitivity + (1 - share) * specificity
        found += bool(solutions(*(round(rate, 4) for rate in (sensitivity, specificity, accuracy)), 123))
    assert found < 5


@pytest.mark.parametrize("row", [row for row in ROWS if "sensitivity_typo" in flags(row)], ids=name)
def test_a_misprint_is_of_the_sensitivity_alone(row):
    positives, negatives, tp, tn = counts(row)
    sensitivity, specificity, accuracy = rates(row)
    assert fits(tn, negatives, specificity)
    assert not fits(tp, positives, sensitivity)
    assert [k for k in range(positives + 1) if fits(k + tn, positives + negatives, accuracy)] == [tp]
    assert abs(tp / positives - sensitivity) < 2e-3


def test_the_radiomics_row_contradicts_itself():
    (row,) = (row for row in ROWS if "no_solution" in flags(row))
    assert row["model"] == "ml"
    sensitivity, specificity, accuracy = rates(row)
    assert accuracy < min(sensitivity, specificity)  # it is their weighted mean
    positives, negatives, tp, tn = counts(row)
    assert fits(tp, positives, sensitivity)
    assert fits(tn, negatives, specificity)
    assert fits(28, positives + negatives, accuracy)
    assert tp + tn == 30
    others = {  # of the same size, 20 % of 221
        (n, 44 - n)
        for _, n in fractions(sensitivity, 44)
        if any(m == 44 - n for _, m in fractions(specificity, 44))
    }
    assert others == {(positives, negatives)}


def define_flags(row):
    """What the columns other than `flags` and `reading` say of a row."""
    positives, negatives, tp, _ = counts(row)
    sensitivity, specificity, accuracy = rates(row)
    found = set()
    hemispheres = row["stage"] == "phase1_stroke"
    if positives + negatives != (164 if hemispheres else 82):
        found.add("other_patients")
    if not hemispheres:
        own = CLASSES[row["stage"]]
        if (positives, negatives) == UNDER_3H != own:
            found.add("class_split_3h")
        elif (positives, negatives) == UNDER_4H5 != own:
            found.add("class_split_4h5")
        elif abs(positives / (positives + negatives) - own[0] / 82) > abs(
            negatives / (positives + negatives) - own[0] / 82
        ):
            found.add("label_flip")
    if row["auc"] and fits(round((sensitivity + specificity) * 10_000), 20_000, float(row["auc"])):
        found.add("auc_from_hard_labels")
    if not min(sensitivity, specificity) <= accuracy <= max(sensitivity, specificity):
        found.add("no_solution")
    elif not fits(tp, positives, sensitivity):
        found.add("sensitivity_typo")
    return found


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_flags_follow_from_their_definitions(row):
    assert flags(row) == define_flags(row)
    assert bool(row["reading"]) or not flags(row) - {"other_patients"}


def test_every_flag_is_explained():
    explained = PAPER.with_name("README.md").read_text()
    for flag in set().union(*map(flags, ROWS)):
        assert flag in explained


def test_class_sizes_are_those_that_unflagged_rows_agree_on():
    for stage, classes in CLASSES.items():
        sizes = {counts(row)[:2] for row in ROWS if row["stage"] == stage and not flags(row)}
        assert sizes <= {classes}
        assert sizes or stage not in ("phase2_tss3h", "readers")


def test_rows_of_other_patients_within_the_test_set():
    """74 may be a subset of the 82; 81 with 43 positives may not, whichever class is positive."""
    for row in ROWS:
        positives, negatives, *_ = counts(row)
        if positives + negatives == 74:
            under, beyond = (negatives, positives) if "label_flip" in flags(row) else (positives, negatives)
            assert under <= CLASSES[row["stage"]][0]
            assert beyond <= CLASSES[row["stage"]][1]
        if positives + negatives == 81:
            assert positives > max(UNDER_4H5)
