"""Paired tests, against their definitions, resampling and other libraries; the table of comparisons."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm, rankdata
from sklearn.metrics import roc_auc_score

from strokeclock.evaluation.comparison import (
    COLUMNS,
    bootstrap_test,
    compare_seeds,
    correct_by_holm,
    delong_test,
    list_pairs,
    mcnemar_test,
    write_comparisons,
)
from strokeclock.evaluation.intervals import resample_weights
from strokeclock.evaluation.metrics import compare_pairs
from strokeclock.evaluation.seeds import estimate_over_seeds
from strokeclock.predictions import PAPER, Scorer, collect_predictions

from ..conftest import CHAIN

SETTINGS = {"threshold": "validation", "fixed_threshold": 0.5, "confidence": 0.95, "bootstraps": 200}
LABEL = np.r_[np.ones(23, int), np.zeros(31, int)]


def correlated(rng, *, n=54, rho=0.6, shift=(0.8, 0.5), label=LABEL):
    both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n) + np.outer(label, shift)
    return both[:, 0], both[:, 1]


def rank_auc(label, score):
    """By the rank sum of Wilcoxon: quicker than a curve, for thousands of calls."""
    positives = label.sum()
    ranks = rankdata(score)[label == 1].sum() - positives * (positives + 1) / 2
    return ranks / (positives * (len(label) - positives))


def delong_1988(label, scores):
    """The AUCs and their covariance matrix as the paper writes them, unit by unit (equations 4 to 6)."""

    def psi(x, y):
        return 1.0 if y < x else 0.5 if y == x else 0.0

    positive = [[score[i] for i in range(len(label)) if label[i]] for score in scores]
    negative = [[score[i] for i in range(len(label)) if not label[i]] for score in scores]
    m, n = len(positive[0]), len(negative[0])
    area = [
        sum(psi(x, y) for x in xs for y in ys) / (m * n) for xs, ys in zip(positive, negative, strict=True)
    ]
    v10 = [[sum(psi(x, y) for y in ys) / n for x in xs] for xs, ys in zip(positive, negative, strict=True)]
    v01 = [[sum(psi(x, y) for x in xs) / m for y in ys] for xs, ys in zip(positive, negative, strict=True)]
    covariance = np.empty((2, 2))
    for r in range(2):
        for s in range(2):
            s10 = sum((v10[r][i] - area[r]) * (v10[s][i] - area[s]) for i in range(m)) / (m - 1)
            s01 = sum((v01[r][j] - area[r]) * (v01[s][j] - area[s]) for j in range(n)) / (n - 1)
            covariance[r, s] = s10 / m + s01 / n
    return area, covariance


@pytest.mark.parametrize("digits", [1, 9])
def test_delong_by_the_definition_of_1988(digits):
    a, b = (score.round(digits) for score in correlated(np.random.default_rng(1)))
    (area_a, area_b), covariance = delong_1988(LABEL, (a, b))
    error = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = delong_test(LABEL, a, b, confidence=0.9)
    assert found.value == pytest.approx(area_a - area_b, abs=1e-12)
    assert found.p == pytest.approx(2 * norm.sf(abs(area_a - area_b) / error), rel=1e-9)
    half = norm.ppf(0.95) * error
    assert found.interval == pytest.approx((found.value - half, found.value + half))


def test_a_tiny_p_value_is_not_rounded_to_0():
    rng = np.random.default_rng(5)
    label = np.repeat([0, 1], 400)
    a, b = correlated(rng, n=800, label=label, shift=(3, 0))
    (area_a, area_b), covariance = delong_1988(label, (a, b))
    z = (area_a - area_b) / math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert z > 10
    assert delong_test(label, a, b, confidence=0.95).p == pytest.approx(2 * norm.sf(z), rel=1e-6, abs=0)


def test_delong_error_agrees_with_a_bootstrap():
    rng = np.random.default_rng(2)
    label = np.r_[np.ones(150, int), np.zeros(170, int)]
    a, b = correlated(rng, n=320, label=label)
    low, high = delong_test(label, a, b, confidence=0.95).interval
    draws = []
    for _ in range(1000):
        rows = np.concatenate(
            [rng.choice(np.flatnonzero(label == value), (label == value).sum()) for value in (0, 1)]
        )
        draws.append(rank_auc(label[rows], a[rows]) - rank_auc(label[rows], b[rows]))
    assert (high - low) / (2 * norm.ppf(0.975)) == pytest.approx(np.std(draws), rel=0.08)


def test_delong_rejects_as_often_as_it_should_where_nothing_differs():
    rng = np.random.default_rng(3)
    p = [delong_test(LABEL, *correlated(rng, shift=(0.7, 0.7)), confidence=0.95).p for _ in range(1000)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(
    ("label", "a", "b"),
    [
        ([1, 1, 0, 0], [4, 3, 2, 1], [0.4, 0.3, 0.2, 0.1]),
        ([1, 1, 1], [1, 2, 3], [3, 2, 1]),
        ([1, 0], [1, 2], [2, 1]),
    ],
)
def test_delong_without_variance_or_classes_is_undefined(label, a, b):
    found = delong_test(label, a, b, confidence=0.95)
    assert math.isnan(found.p)
    assert all(map(math.isnan, found.interval))


def test_bootstrap_by_explicit_resampling():
    rng = np.random.default_rng(4)
    patient = np.repeat([f"p{number:02d}" for number in range(15)], 2)
    label = np.tile([1, 0], 15)
    a, b = correlated(rng, n=30, label=label, shift=(1.5, 0.4))
    differences = []
    for times in resample_weights(15, bootstraps=400):
        rows = np.repeat(np.arange(30).reshape(15, 2), times, axis=0).ravel()
        differences.append(rank_auc(label[rows], a[rows]) - rank_auc(label[rows], b[rows]))
    found = bootstrap_test(label, a, b, patient=patient, confidence=0.9, bootstraps=400)
    assert found.value == pytest.approx(roc_auc_score(label, a) - roc_auc_score(label, b))
    assert found.interval == pytest.approx(np.quantile(differences, [0.05, 0.95]), abs=1e-12)
    below = np.sum(np.array(differences) <= 1e-12)
    assert found.p == pytest.approx(2 * (1 + below) / 401)
    swapped = bootstrap_test(label, b, a, patient=patient, confidence=0.9, bootstraps=400)
    assert swapped.p == pytest.approx(found.p)
    assert swapped.interval == pytest.approx((-found.interval.high, -found.interval.low))


def test_bootstrap_of_the_same_scores_tests_nothing():
    label, score = [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.6]
    found = bootstrap_test(label, score, score, patient=list("aabb"), confidence=0.95, bootstraps=50)
    assert found.value == 0
    assert math.isnan(found.p)


@pytest.mark.parametrize(("a_alone", "b_alone"), [(7, 1), (0, 5), (12, 12)])
def test_mcnemar_is_a_sign_test_of_the_discordant_patients(a_alone, b_alone):
    right_a = np.r_[np.ones(a_alone), np.zeros(b_alone), np.ones(30), np.zeros(10)]
    right_b = np.r_[np.zeros(a_alone), np.ones(b_alone), np.ones(30), np.zeros(10)]
    found = mcnemar_test(right_a, right_b, confidence=0.95)
    n = a_alone + b_alone + 40
    assert found.p == pytest.approx(binomtest(a_alone, a_alone + b_alone).pvalue)
    assert found.value == pytest.approx((a_alone - b_alone) / n)
    # Bonett and Price 2012: Wald with one case more in each discordant cell
    p, q = (a_alone + 1) / (n + 2), (b_alone + 1) / (n + 2)
    half = norm.ppf(0.975) * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    assert found.interval == pytest.approx((p - q - half, p - q + half))


def test_mcnemar_where_both_are_always_right_together():
    found = mcnemar_test([1, 0, 1], [1, 0, 1], confidence=0.95)
    assert (found.value, found.p) == (0, 1)


def test_holm_by_hand():
    rows = [{"family": "x", "p": p} for p in (0.01, 0.04, 0.03)] + [
        {"family": "y", "p": 0.04},
        {"note": "not run"},
    ]
    corrected = correct_by_holm(rows)
    assert [row.get("p_holm") for row in corrected] == pytest.approx([0.03, 0.06, 0.06, 0.04, None])


def test_pairs_and_their_questions():
    scorers = [Scorer(*scorer) for scorer in CHAIN if scorer[0] == "2d"]
    scorers += [Scorer("2d", "phase3_tss4h5", "medical"), Scorer("3d", "phase1_stroke", "genesis")]
    scorers += [Scorer("3d", "phase3_tss4h5", "random"), Scorer("ratio", "phase3_tss4h5", "flair")]
    pairs = [
        (question, f"{a.net} {a.start}", f"{b.net} {b.start}")
        for a, b, question in list_pairs(scorers, PAPER)
    ]
    against_ratio = {
        ("network against baseline", name, "ratio flair")
        for name in ("2d random", "2d phase2", "2d phase3", "2d medical", "3d random")
    }
    assert set(pairs) == against_ratio | {
        ("start against random", "2d phase1", "2d random"),
        ("start against random", "2d phase2", "2d random"),
        ("start against random", "2d phase3", "2d random"),
        ("start against random", "2d medical", "2d random"),
        ("chain against others", "2d phase2", "2d medical"),
        ("chain against others", "2d phase3", "2d medical"),
        ("chain against others", "2d phase3", "2d phase2"),
        ("3D against 2D", "3d genesis", "2d random"),
        ("3D against 2D", "3d random", "2d random"),
    }
    assert len(pairs) == len(set(pairs))


def test_pairs_of_the_segmented_lesion():
    phase = "phase3_tss4h5"
    segmented = [Scorer("segmentation", phase, start) for start in ("ratios", "2d", "3d")]
    networks = [Scorer(net, phase, start) for net in ("2d", "3d") for start in ("random", "phase1")]
    others = [Scorer("2d", "phase4_attention", "phase3"), Scorer("ratio", phase, "flair")]
    pairs = [
        (question, f"{a.net} {a.start}", f"{b.net} {b.start}")
        for a, b, question in list_pairs([*segmented, *networks, *others], PAPER)
        if "segmentation" in (a.net, b.net)
    ]
    assert set(pairs) == {
        ("segmentation against network", "segmentation ratios", "2d phase1"),
        ("segmentation against network", "segmentation ratios", "3d phase1"),
        ("segmentation against network", "segmentation 2d", "2d phase1"),
        ("segmentation against network", "segmentation 3d", "3d phase1"),
        ("segmentation with and without network", "segmentation 2d", "segmentation ratios"),
        ("segmentation with and without network", "segmentation 3d", "segmentation ratios"),
        *(
            ("segmentation against baseline", f"segmentation {row}", "ratio flair")
            for row in ("ratios", "2d", "3d")
        ),
    }
    assert len(pairs) == len(set(pairs))


@pytest.fixture
def comparisons(made_up_run):
    """Write the run's files and the comparisons; return the table as texts, and the scorers."""

    def make(*, readers=True, change=lambda paths: None, **files):
        paths = made_up_run.write(**files)
        change(paths)
        root = made_up_run.root
        output = root / "tables/comparisons.csv"
        write_comparisons(
            paths,
            output,
            thresholds=made_up_run.fit(paths)["thresholds"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            exclusions=root / "cohort/exclusions.tsv",
            readers=root / "readers.tsv" if readers else None,
            settings=SETTINGS,
        )
        assert not re.search(r"\bnan\b", output.read_text(), re.IGNORECASE)
        return pd.read_csv(output, dtype=str, keep_default_na=False), collect_predictions(paths)

    return make


def test_table_of_the_whole_chain(comparisons):
    table, scorers = comparisons()
    assert list(table.columns) == list(COLUMNS)
    assert table["test"].value_counts().to_dict() == {
        "DeLong, paired": 4 * 2 + 5,
        "bootstrap of patients, paired": 1,
        "McNemar, exact": 6 * 4,
    }
    assert (table["p"] != "").all()
    for _, family in table.groupby("family"):
        p = family["p"].astype(float)
        assert float(family["p_holm"][p.idxmin()]) == pytest.approx(min(1, len(family) * p.min()), rel=1e-5)
    (row,) = table.query("a == '2d/phase3_tss4h5/phase2' and b == '2d/phase3_tss4h5/random'").to_dict(
        "records"
    )
    a, b = (scorers[Scorer("2d", "phase3_tss4h5", start)].units("test") for start in ("phase2", "random"))
    assert float(row["auc_a"]) == pytest.approx(roc_auc_score(a.label, a.score), abs=1e-6)
    assert float(row["p"]) == pytest.approx(
        delong_test(a.label, a.score, b.score, confidence=0.95).p, rel=1e-5
    )
    by_seed = [[roc_auc_score(a.label, score) for score in units.scores.T] for units in (a, b)]
    assert float(row["seed_difference"]) == pytest.approx(np.mean(by_seed[0]) - np.mean(by_seed[1]), abs=1e-6)
    spread = np.std(np.subtract(*by_seed), ddof=1)
    assert float(row["seed_sd"]) == pytest.approx(spread, rel=1e-5)
    pairs = [
        compare_pairs(a.label, x) - compare_pairs(b.label, y)
        for x, y in zip(a.scores.T, b.scores.T, strict=True)
    ]
    expected = estimate_over_seeds(pairs, confidence=0.95, lowest=-1)
    ends = float(row["seed_difference_low"]), float(row["seed_difference_high"])
    assert ends == pytest.approx(expected.interval, abs=1e-5)
    assert ends[0] < float(row["seed_difference"]) < ends[1]


def test_a_baseline_is_the_same_for_all_seeds(comparisons):
    """The interval of new seeds and patients is of each training less the one baseline."""
    network, ratio = Scorer("2d", "phase3_tss4h5", "random"), Scorer("ratio", "phase3_tss4h5", "flair")
    table, scorers = comparisons(scorers=[network, ratio])
    (row,) = table.query(f"a == '{network}' and b == '{ratio}'").to_dict("records")
    a, b = scorers[network].units("test"), scorers[ratio].units("test")
    fixed = compare_pairs(b.label, b.scores[:, 0])
    pairs = [compare_pairs(a.label, score) - fixed for score in a.scores.T]
    expected = estimate_over_seeds(pairs, confidence=0.95, lowest=-1)
    assert float(row["seed_difference"]) == pytest.approx(expected.value, abs=1e-6)
    assert float(row["seed_difference_high"]) == pytest.approx(expected.interval.high, abs=1e-5)


def test_two_seeds_in_common_make_an_interval(comparisons):
    table, _ = comparisons(seeds=(0,))
    assert (table["seed_difference_low"] == "").all()
    table, _ = comparisons()
    tested = table[table["test"].isin(["DeLong, paired", "bootstrap of patients, paired"])]
    assert (tested["seed_difference_low"] != "").all()


def test_readers_are_compared_at_the_validation_threshold(comparisons, made_up_run):
    def score(_scorer, _seed, rows):  # perfect, with a threshold of 0.8 on validation; 0.3 is under it
        scores = np.where(rows["label"] == 1, 0.8, 0.1)
        return scores if rows["part"].iloc[0] == "validation" else np.where(rows["label"] == 1, 0.3, 0.1)

    table, _ = comparisons(scorers=[("2d", "phase3_tss4h5", "random")], seeds=(0,), score=score)
    row = table.set_index("b").loc["readers/reader1"]
    test = made_up_run.readers[made_up_run.cohort["part"] == "test"]
    truth = made_up_run.cohort.query("part == 'test'")["onset_to_mri_min"] < 270
    right = (~truth).to_numpy(), (test["reader1"] == truth).to_numpy()
    assert float(row["accuracy_a"]) == pytest.approx(right[0].mean())
    assert float(row["accuracy_b"]) == pytest.approx(right[1].mean())
    alone = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    assert f"right alone: {alone[0]} against {alone[1]}" in row["note"]
    assert float(row["p"]) == pytest.approx(binomtest(alone[0], sum(alone)).pvalue, rel=1e-5)


def test_one_scorer_and_no_readers_say_so(comparisons):
    table, _ = comparisons(scorers=[("2d", "phase3_tss4h5", "random")], readers=False)
    assert table["note"].tolist() == [
        "nothing to compare: no target has two rows that were run",
        "not run: no reader sheet is configured (cohort.readers)",
    ]
    table, _ = comparisons(scorers=[("2d", "phase2_tss3h", "random")])
    assert table["note"].iloc[-1] == "not run: no phase 3 or 4 was run"


def test_one_seed_has_no_spread(comparisons):
    table, _ = comparisons(seeds=(0,))
    rows = table[table["test"] == "DeLong, paired"]
    assert (rows["seed_sd"] == "").all()
    assert rows["note"].str.contains("needs 2 seeds or more").all()


def test_trainings_of_one_seed_are_paired():
    # both rows are better or worse together, as trainings from one parent are: differences .02, .04, .03
    a, b = {0: 0.72, 1: 0.84, 2: 0.63}, {0: 0.70, 1: 0.80, 2: 0.60}
    found = compare_seeds(a, b)
    assert found == pytest.approx({"seed_difference": 0.03, "seed_sd": 0.01})
    independent = math.hypot(np.std([*a.values()], ddof=1), np.std([*b.values()], ddof=1))
    assert independent > 10 * found["seed_sd"]


def test_variances_add_only_where_no_seed_is_shared():
    a = {0: 0.70, 1: 0.76}  # mean .73, SD .06 / √2; b: mean .74, SD .08 / √2
    found = compare_seeds(a, {2: 0.70, 3: 0.78})
    assert found == pytest.approx({"seed_difference": -0.01, "seed_sd": 0.1 / math.sqrt(2)})
    half = compare_seeds(a, {0: 0.60, 1: 0.70, 2: 0.10})  # the seeds of both: .10 and .06
    assert half == pytest.approx({"seed_difference": 0.08, "seed_sd": 0.04 / math.sqrt(2)})
    assert math.isnan(compare_seeds(a, {1: 0.70, 2: 0.10})["seed_sd"])


def test_rows_of_the_segmented_lesion_have_seeds(comparisons):
    phase = "phase3_tss4h5"
    rows = [("segmentation", phase, "ratios"), ("segmentation", phase, "2d"), ("2d", phase, "phase2")]
    ratio = ("ratio", phase, "flair")

    def change(paths):
        paths.remove(next(path for path in paths if "ratio" in path.parts and path.stem == "seed-1"))

    table, scorers = comparisons(scorers=[*rows, ratio], change=change)
    areas = {}
    for scorer in (*rows, ratio):
        test = scorers[Scorer(*scorer)].units("test")
        areas["/".join(scorer)] = [roc_auc_score(test.label, score) for score in test.scores.T]
    pairs = [(row.a, row.b, row.seed_sd, row.note) for row in table.itertuples() if "DeLong" in row.test]
    assert sum(a.startswith("segmentation") for a, *_ in pairs) == 5
    for a, b, sd, note in pairs:
        spread = np.std(np.subtract(areas[a], areas[b]), ddof=1)
        assert spread > 0
        assert float(sd) == pytest.approx(spread, rel=1e-4)
        assert "seed" not in note


def test_a_baseline_counts_as_fixed(comparisons):
    ratio = ("ratio", "phase3_tss4h5", "flair")

    def change(paths):  # a baseline has the seed 0 alone
        for path in list(paths):
            if "ratio" in path.parts and path.stem != "seed-0":
                paths.remove(path)

    table, scorers = comparisons(scorers=[("2d", "phase3_tss4h5", "random"), ratio], change=change)
    row = table.set_index("b").loc["ratio/phase3_tss4h5/flair"]
    test = scorers[Scorer("2d", "phase3_tss4h5", "random")].units("test")
    spread = np.std([roc_auc_score(test.label, score) for score in test.scores.T], ddof=1)
    assert float(row["seed_sd"]) == pytest.approx(spread, rel=1e-5)
    assert "seeds" not in row["note"]


def test_the_radiomics_subset_is_compared_on_its_own_patients(comparisons, made_up_run):
    few = made_up_run.cohort.query("part != 'train'")["patient"].iloc[:20]

    def change(paths):
        for path in paths:
            if "ml" in path.parts:
                rows = pd.read_csv(path, sep="\t")
                rows[rows["patient"].isin(few)].to_csv(path, sep="\t", index=False)

    scorers = [("2d", "phase3_tss4h5", "random"), ("ml", "phase4_attention", "radiomics")]
    table, found = comparisons(scorers=scorers, seeds=(0,), change=change)
    row = table.set_index("b").loc["ml/phase4_attention/radiomics"]
    network = found[Scorer(*scorers[0])].frame.query("part == 'test'")
    network = network[network.index.get_level_values("patient").isin(few)]
    assert int(row["n"]) == len(network) == 10
    assert float(row["auc_a"]) == pytest.approx(roc_auc_score(network["label"], network[0]), abs=1e-6)
    assert "region that can be measured" in row["note"]


def test_other_seeds_are_noted(comparisons):
    def change(paths):
        paths.remove(next(path for path in paths if "phase2" in path.parts and path.stem == "seed-1"))

    scorers = [("2d", "phase3_tss4h5", "random"), ("2d", "phase3_tss4h5", "phase2")]
    table, _ = comparisons(scorers=scorers, change=change)
    assert "ensemble of more seeds has an advantage" in table["note"].iloc[0]


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_part_with_one_class_says_too_few(comparisons, made_up_run, part):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == part, "onset_to_mri_min"] = 30
    table, _ = comparisons()
    timed = table[table["target"] == "TSS < 4.5 h"]
    if part == "test":
        pairs = timed[timed["test"] == "DeLong, paired"]
        assert (pairs["p"] == "").all()
        assert pairs["note"].str.contains("too few").all()
        assert not pairs["note"].str.contains("seed").any()
    else:
        readers = timed[timed["b"].str.startswith("readers/")]
        assert len(readers) == 24
        assert readers["note"].str.startswith("not run: the part that the threshold is chosen on").all()


def test_an_interval_of_a_difference_ends_at_one():
    label, better, worse = [0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], [0.9, 0.4, 0.5, 0.1]
    low, high = delong_test(label, better, worse, confidence=0.95).interval
    assert -1 < low < 0.5
    assert high == 1
