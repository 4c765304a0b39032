"""docs/methods/paper-audit.md: every number of its tables, and of its prose where it is worked out."""

import csv
import re
from math import nan, sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.intervals import delong_variance
from strokeclock.evaluation.metrics import auc

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/methods/paper-audit.md").read_text()
PROSE = " ".join(PAGE.split())
NORMAL = NormalDist()
STAGES = {
    "phase1_stroke": "stroke",
    "phase2_tss3h": "< 3 h",
    "phase3_tss4h5": "< 4.5 h",
    "phase4_attention": "attention",
    "readers": "readers",
}
NETS = {"2d": "2D", "3d": "3D", "ml": "ML"}
ODD = {
    "other_patients": "other patients",
    "label_flip": "classes exchanged",
    "class_split_3h": "classes of 3 h",
    "class_split_4h5": "classes of 4.5 h",
    "auc_from_hard_labels": "AUC from calls",
    "sensitivity_typo": "misprint",
    "no_solution": "no counts fit",
}


def name(row):
    parts = STAGES[row["stage"]], NETS.get(row["model"], row["model"]), row["start"]
    return ", ".join(filter(None, parts))


with open(ROOT / "resources/table2_paper.csv", newline="") as file:
    PAPER = {name(row): row for row in csv.DictReader(file)}


def table(first):
    """The page's table whose heading begins so; one dict a row."""
    lines = PAGE[PAGE.index(f"\n| {first}") + 1 :].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def decimal(value, digits=3):
    return f"{value:.{digits}f}".replace("0.", ".", 1)


def sizes(row):
    return int(row["positives"]), int(row["negatives"])


def right(row):
    return int(row["tp"]), int(row["tn"])


def printed(value):
    """`value` with four digits, rounded and cut."""
    return {decimal(value, 4), decimal(int(value * 10_000) / 10_000, 4)}


def hanley_mcneil(area, positives, negatives):
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positives - 1) * (one - area**2) + (negatives - 1) * (two - area**2)
    return sqrt(variance / (positives * negatives))


def compare(first, second, r):
    """z of two AUCs, each (area, positives, negatives), whose estimates have correlation r."""
    a, b = hanley_mcneil(*first), hanley_mcneil(*second)
    return (first[0] - second[0]) / sqrt(a**2 + b**2 - 2 * r * a * b)


def p_value(z):
    return 2 * (1 - NORMAL.cdf(abs(z)))


def test_counts():
    rows = table("row | sensitivity | specificity | accuracy | positives")
    assert [row["row"] for row in rows] == list(PAPER)
    for found in rows:
        row = PAPER[found["row"]]
        positives, negatives = sizes(row)
        assert [found[rate] for rate in ("sensitivity", "specificity", "accuracy")] == [
            row[rate] for rate in ("sensitivity", "specificity", "accuracy")
        ]
        assert found["positives + negatives"] == f"{positives} + {negatives} = {positives + negatives}"
        assert (found["TP"], found["TN"]) == (row["tp"], row["tn"])
        assert found["what is odd"] == (", ".join(ODD[flag] for flag in row["flags"].split()) or "–")


def test_auc_as_pairs():
    rows = table("row | AUC | pairs")
    expected = [
        name
        for name, row in PAPER.items()
        if row["auc"] and row["stage"] != "phase1_stroke" and "hard_labels" not in row["flags"]
    ]
    assert [row["row"] for row in rows] == expected
    whole = {}
    for found in rows:
        row = PAPER[found["row"]]
        positives, negatives = sizes(row)
        pairs = positives * negatives
        assert found["AUC"] == row["auc"]
        assert found["pairs"] == f"{positives} · {negatives} = {pairs}"
        fits = [f"{k / 2:g}" for k in range(2 * pairs + 1) if row["auc"] in printed(k / 2 / pairs)]
        assert found["pairs in the right order"] == (" or ".join(fits) or "none")
        whole[found["row"]] = bool(fits) and "." not in fits[0]
    of_74 = [fits for name, fits in whole.items() if sum(sizes(PAPER[name])) == 74]
    assert of_74 == [True] * 6
    assert sum(not fits for name, fits in whole.items() if sum(sizes(PAPER[name])) == 82) == 3
    assert ".6684" in printed(1123 / 1680)
    assert ".6619" in printed(1112 / 1680)


def test_headline():
    for count, n, shown in ((26, 37, ".70270"), (30, 37, ".81081"), (56, 74, ".75676"), (35, 49, ".71429")):
        assert decimal(count / n, 5) == shown
        assert f"{n} = {shown}" in PROSE
    assert decimal(28 / 44, 4) == ".6364"  # cut: .6363
    assert decimal(30 / 44, 4) == ".6818"


def test_what_is_said_of_the_rows():
    networks = [row for row in PAPER.values() if row["model"] in ("2d", "3d") and "tss" in row["stage"]]
    networks += [row for row in PAPER.values() if name(row).startswith(("attention, 2D", "attention, 3D"))]
    on_82 = [row for row in networks if sum(sizes(row)) == 82]
    assert (len(networks), len(on_82), sum(bool(row["flags"]) for row in on_82)) == (16, 8, 6)
    assert "Of the 16 network rows of the time tasks eight are on 82, six of these" in PROSE
    assert sum(sum(sizes(row)) == 74 for row in networks) == 6
    odd = [set(row["flags"].split()) for row in PAPER.values()]
    assert sum("sensitivity_typo" in flags for flags in odd) == 2
    assert sum("no_solution" in flags for flags in odd) == 1
    for row in PAPER.values():
        if "auc_from_hard_labels" in row["flags"]:
            mean = (float(row["sensitivity"]) + float(row["specificity"])) / 2
            assert row["auc"] in printed(mean + 1e-9)
            assert f"({row['sensitivity']} + {row['specificity']})/2 = {row['auc']}" in PROSE
    for count, n, shown in ((29, 74, "39.2"), (33, 82, "40.2")):
        assert f"{count} of {n} ({100 * count / n:.1f} %)" in PROSE
        assert f"{100 * count / n:.1f}" == shown
    tp, tn = right(PAPER["< 3 h, 2D, phase1"])
    positives, negatives = sizes(PAPER["< 3 h, 2D, phase1"])
    assert (
        f"sensitivity {decimal(tn / negatives)} and specificity {decimal(tp / positives)}" in PROSE
    )  # exchanged


def test_table_1():
    female, _, nihss, onset = table("variable | training")
    train, test = 176, 46
    assert f"176 ({100 * train / 340:.1f} %)" in female.values()
    assert f"46 ({100 * test / 82:.1f} %)" in female.values()
    assert f"222/422 = {100 * (train + test) / 422:.1f} %" in female.values()
    for row in (nihss, onset):
        train, test = (
            [float(number) for number in re.findall(r"[\d.]+", row[column])]
            for column in ("training and validation (340)", "test (82)")
        )
        spans = [sorted(pair) for pair in zip(train, test, strict=True)]
        shown = [f"{low:g}–{high:g}" for low, high in spans]
        assert row["all 422: value or bounds"] == f"{shown[0]} ({shown[1]}, {shown[2]})"
        text = [float(number) for number in re.findall(r"[\d.]+", row["the text says"])]
        inside = [low <= number <= high for (low, high), number in zip(spans, text, strict=True)]
        assert inside == [True, True, False]
    assert "64.5, 16.1 and 19.4 %" in PROSE
    assert [f"{100 * n / 422:.1f}" for n in (272, 68, 82)] == ["64.5", "16.1", "19.4"]


def third_quartiles(below, above):
    """Training, test, pooled: 255 and 61 patients at `below`, the last quarters, 85 and 21, at `above`."""
    train = np.repeat([below[0], above[0]], [255, 85])
    test = np.repeat([below[1], above[1]], [61, 21])
    return [np.quantile(part, 0.75) for part in (train, test, np.concatenate([train, test]))]


def test_a_pooled_quartile_beyond_both_takes_a_wide_gap():
    """The pooled value can pass 683 only where each group has no patient between its own third quartile's
    neighbours. Of all such groups those with the narrowest gap in training are: 667 to 731, 450 to 731."""
    found = []
    for last in np.arange(600, 683.1, 0.25):  # the training patient under the quartile
        after = 4 * 683 - 3 * last
        lowest = (715.25 - 0.25 * last) / 0.75  # what then must follow in both groups
        if after >= lowest:
            found.append((lowest - last, last, lowest, 4 * (661 - 0.75 * lowest)))
    _, last, after, last_of_test = min(found)
    assert (round(last), round(after), round(last_of_test)) == (667, 731, 450)
    assert third_quartiles((last, last_of_test), (after, after))[1:] == pytest.approx([661, 715.25], abs=0.1)
    assert "none of whom has a time between 667 and 731 min" in PROSE
    assert "none of whom has one between 450 and 731" in PROSE


def test_a_pooled_nihss_quartile_of_15_cannot_be():
    """The same for the NIHSS: with quartiles of 16 and 18 no two groups have 15 together."""
    for last in np.arange(0, 16, 0.25):  # of either group, whichever is higher
        needed = (15 - 0.25 * last) / 0.75
        for train, test in ((last, np.arange(0, last + 0.1, 0.25)), (np.arange(0, last + 0.1, 0.25), last)):
            after = np.minimum(64 - 3 * np.asarray(train), (18 - 0.25 * np.asarray(test)) / 0.75)
            assert not (np.isclose(after, needed) & (after >= last)).any()


def test_percentages_of_the_text():
    rows = table("the text | from Table 2")
    areas = {row["auc"] for row in PAPER.values()}
    gains = 0
    for row in rows:
        match = re.search(r"(\.\d{4})/(\.\d{4}): \+([\d.]+) %", row["from Table 2"])
        if not match:
            continue
        gains += 1
        over, under, gain = match.groups()
        assert {over, under} <= areas
        assert f"{100 * (float(over) / float(under) - 1):.1f}" == gain
        said = re.search(r"([\d.]+) %", row["the text"]).group(1)
        assert row["so"].startswith("follows") == (said == gain)
    assert gains == len(rows) - 2
    assert f"{100 * 56 / 74:.2f}" == "75.68"
    assert round(0.7452 - 0.6619, 4) == 0.0833
    assert round(0.6733 - 0.6720, 4) == 0.0013
    assert PAPER["< 4.5 h, 2D, imagenet"]["auc"] < PAPER["< 4.5 h, 2D, random"]["auc"]


def test_kappa_of_the_readers():
    """All ways to divide the 82 patients among 0 to 3 calls that give the readers' counts."""
    readers = [PAPER[f"readers, {model}"] for model in ("reader1", "reader2", "reader3", "majority")]
    true = [int(row["tp"]) for row in readers]
    false = [40 - int(row["tn"]) for row in readers]
    called = [tp + fp for tp, fp in zip(true, false, strict=True)]
    assert called == [29, 21, 38, 29]

    def divided(calls, majority, n):
        """Numbers of patients with one and two calls of three, of n patients."""
        for two in range(majority + 1):
            one = calls - 3 * (majority - two) - 2 * two
            if 0 <= one <= n - majority:
                yield one + two

    of_all = {
        a + b for a in divided(sum(true[:3]), true[3], 42) for b in divided(sum(false[:3]), false[3], 40)
    }
    share = sum(called[:3]) / (3 * 82)
    expected = share**2 + (1 - share) ** 2
    kappas = {n: (1 - 2 / 3 * n / 82 - expected) / (1 - expected) for n in of_all}
    assert all(n % 2 for n in kappas)
    assert (decimal(kappas[29]), decimal(kappas[31])) == (".487", ".452")
    assert f"29 divided patients give κ = {decimal(kappas[29])}, 31 give {decimal(kappas[31])}" in PROSE
    assert not any(decimal(kappa, 2) == ".46" for kappa in kappas.values())


def test_intervals():
    z = NORMAL.inv_cdf(0.975)
    for found in table("row | sensitivity | specificity | accuracy | AUC"):
        row = PAPER[found["row"]]
        (positives, negatives), (tp, tn) = sizes(row), right(row)
        counts = {
            "sensitivity": (tp, positives),
            "specificity": (tn, negatives),
            "accuracy": (tp + tn, positives + negatives),
        }
        for rate, (count, n) in counts.items():
            low, high = proportion_confint(count, n, method="wilson")
            shown = "–" if row["model"] == "ml" else f"{decimal(low)} to {decimal(high)}"
            assert found[rate] == shown
        area = float(row["auc"] or nan)
        half = z * hanley_mcneil(area, positives, negatives)
        assert found["AUC"] == ("–" if area != area else f"{decimal(area - half)} to {decimal(area + half)}")


def test_differences():
    rows = table("of | against")
    p = {r: [] for r in (0, 0.5, 0.7)}
    same_sizes = []
    for found in rows:
        pair = [PAPER[found[column]] for column in ("of", "against")]
        first, second = ((float(row["auc"]), *sizes(row)) for row in pair)
        assert found["difference"] == decimal(first[0] - second[0], 4)
        for r, shown in ((0, "p, r = 0"), (0.5, "p, r = .5"), (0.7, "p, r = .7")):
            p[r].append(p_value(compare(first, second, r)))
            assert found[shown] == decimal(p[r][-1])
        if "medical" in found["against"]:
            assert p[0.7][-1] > 0.05
        if first[1:] == second[1:]:
            same_sizes.append(found["p, r = .5"])
    assert len(rows) == 15
    assert [sum(value < 0.05 for value in values) for values in p.values()] == [0, 5, 9]
    assert [multipletests(values, method="holm")[0].sum() for values in p.values()] == [0, 0, 2]
    assert same_sizes == [".115", ".079", ".075"]


def power(first, second, r):
    return NORMAL.cdf(compare(first, second, r) - NORMAL.inv_cdf(0.975))


def test_what_could_be_seen():
    for found in table("test patients"):
        positives, negatives = map(int, re.findall(r"\d+", found["test patients"])[:2])
        columns = list(found)[1:]
        for r, seen, chance in zip((0, 0.5, 0.7), columns[:3], columns[3:], strict=True):
            assert f"r = {'0' if r == 0 else decimal(r, 1)}" in seen
            assert seen[-4:] == chance[-4:]
            for difference, enough in ((-0.0005, False), (0.0005, True)):
                area = 0.65 + float(found[seen]) + difference
                reached = power((area, positives, negatives), (0.65, positives, negatives), r)
                assert (reached >= 0.8) == enough
            assert found[chance] == decimal(
                power((0.70, positives, negatives), (0.65, positives, negatives), r), 2
            )


def test_the_power_formula_against_repeated_studies():
    """Two networks of AUC .65 and .866 on 74 patients each, other patients: seen 8 times in 10."""
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], 37)
    seen = []
    for _ in range(600):
        studies = [
            rng.normal(size=74) + label * sqrt(2) * NORMAL.inv_cdf(area) for area in (0.65, 0.65 + 0.216)
        ]
        difference = auc(label, studies[1]) - auc(label, studies[0])
        variance = sum(delong_variance(label, study) for study in studies)
        seen.append(difference > NORMAL.inv_cdf(0.975) * sqrt(variance))
    assert np.mean(seen) == pytest.approx(0.8, abs=0.05)


def test_the_page_says_what_it_is_tested_for():
    for sentence in (
        "from .63 to .85",
        "up to 300 units",
        "of up to 123 units less than once in a thousand",
        "at r = .7 nine; corrected for fifteen comparisons (Holm), none and two remain",
    ):
        assert sentence in PROSE
