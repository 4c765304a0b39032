"""Rows of Table 2 over repeated splits, against hand computations."""

import csv
import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from strokeclock.evaluation.repeats import (
    RepeatError,
    list_chained_pairs,
    measure_overlap,
    spread,
    write_repeats,
)
from strokeclock.figures.repeats import draw_repeats
from strokeclock.predictions import PAPER

CHAIN, RANDOM = ("phase2_tss3h", "2d", "phase1"), ("phase2_tss3h", "2d", "random")
READERS = ("readers", "majority", "")
SEEDS = [7, 8, 9]
T_975 = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))  # Student's quantile, 2 degrees of freedom
ROW = {"status": "ok", "target": "TSS < 3 h", "n": 4, "positives": 2, "threshold": 0.5}
ROW |= {"threshold_source": "validation", "sensitivity": 0.5, "specificity": 1.0, "accuracy": 0.75}
PARTS = ["train"] * 6 + ["validation"] * 2 + ["test"] * 4


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def files(tmp_path):
    """Twelve patients, and three splits of 6, 2 and 4: the tables that are given, and the other inputs."""
    patients = [f"p{number:02d}" for number in range(12)]
    lines = [f"{patient}\t{60 + 30 * number}\tleft" for number, patient in enumerate(patients)]
    (tmp_path / "cohort.tsv").write_text("\n".join(["patient\tonset_to_mri_min\tlesion_side", *lines]) + "\n")
    splits = []
    for number in range(3):
        moved = [*patients[4 * number :], *patients[: 4 * number]]
        splits.append(tmp_path / f"split-{number}.tsv")
        rows = [f"{patient}\t{part}" for patient, part in zip(moved, PARTS, strict=True)]
        splits[-1].write_text("\n".join(["patient\tpart", *rows]) + "\n")

    def write(tables):
        """A table a split: row -> what differs from `ROW`."""
        paths = []
        columns = ["stage", "model", "start", *ROW, "auc"]
        for number, table in enumerate(tables):
            paths.append(tmp_path / f"table2-{number}.csv")
            with open(paths[-1], "w", newline="") as file:
                writer = csv.DictWriter(file, columns, restval="")
                writer.writeheader()
                for key, cells in table.items():
                    own = dict(zip(("stage", "model", "start"), key, strict=True))
                    given = ROW | cells if cells.get("status", "ok") == "ok" else cells
                    writer.writerow(own | given)
        return paths, splits

    return write


@pytest.fixture
def summarise(files, tmp_path):
    def run(tables):
        paths, splits = files(tables)
        outputs = [tmp_path / f"{name}.csv" for name in ("repeats", "differences", "splits")]
        write_repeats(
            paths, *outputs, splits=splits, cohort=tmp_path / "cohort.tsv", seeds=SEEDS, confidence=0.95
        )
        return [read(path) for path in outputs]

    return run


def of_aucs(**areas):
    """Tables of the chain and random weights with these AUCs in each split."""
    keys = {"chain": CHAIN, "random": RANDOM}
    return [
        {keys[name]: {"auc": area} for name, area in zip(areas, row, strict=True)}
        for row in zip(*areas.values(), strict=True)
    ]


def test_the_variance_is_that_of_nadeau_and_bengio():
    """Four patients tested for six trained: 1/3 + 2/3 = 1, so that the SD itself is the standard error."""
    found = spread([0.8, 0.7, 0.9], test_to_train=4 / 6, confidence=0.95)
    assert found[:5] == pytest.approx((3, 0.8, 0.1, 0.7, 0.9))
    assert (found.low, found.high) == pytest.approx((0.8 - T_975 * 0.1, 0.8 + T_975 * 0.1))
    assert found.t == pytest.approx(8)
    assert found.p == pytest.approx(1 - 8 / math.sqrt(2 + 8**2))  # 2 degrees of freedom


def test_without_overlap_it_is_students_test():
    values = np.random.default_rng(0).normal(0.03, 0.05, 7)
    found = spread(values, test_to_train=0, confidence=0.9)
    reference = ttest_1samp(values, 0)
    assert (found.t, found.p) == pytest.approx((reference.statistic, reference.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(reference.confidence_interval(0.9)))
    wider = spread(values, test_to_train=0.25, confidence=0.9)
    assert wider.high - wider.mean == pytest.approx((found.high - found.mean) * math.sqrt(1 + 7 * 0.25))
    assert wider.p > found.p


def test_few_splits_have_no_interval():
    assert spread([], test_to_train=0.3, confidence=0.95).n == 0
    one = spread([0.7], test_to_train=0.3, confidence=0.95)
    assert one[:2] == (1, 0.7)
    assert np.isnan([one.sd, one.low, one.high, one.t, one.p]).all()
    same = spread([0.1 + 0.2, 0.3, 0.3], test_to_train=0.3, confidence=0.95)  # equal, but for rounding
    assert same.sd == 0
    assert np.isnan([same.low, same.high, same.t, same.p]).all()


def test_a_row_is_described_over_its_splits(summarise):
    (chain, random), _, _ = summarise(of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7]))
    expected = {
        "stage": "phase2_tss3h", "model": "2d", "start": "phase1", "target": "TSS < 3 h", "splits": "3",
        "test_to_train": "0.666667", "auc_mean": "0.8", "auc_sd": "0.1", "auc_min": "0.7", "auc_max": "0.9",
        "auc_low": "0.369735", "auc_high": "1", "accuracy_mean": "0.75", "accuracy_sd": "0",
        "accuracy_low": "", "note": "no interval where all splits have one value",
    }  # fmt: skip
    assert {name: chain[name] for name in expected} == expected
    assert random["auc_max"] == "0.75"


def test_the_chain_is_compared_with_random_weights_within_the_splits(summarise):
    """Differences 0.05, 0 and 0.2: mean 1/12, SD √(13/1200)."""
    _, (row,), _ = summarise(of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7]))
    assert (row["a"], row["b"]) == ("2d/phase2_tss3h/phase1", "2d/phase2_tss3h/random")
    assert float(row["mean"]) == pytest.approx(1 / 12, abs=1e-6)
    sd = math.sqrt(13 / 1200)
    assert float(row["sd"]) == pytest.approx(sd, abs=1e-6)
    t = 1 / 12 / sd
    assert float(row["t"]) == pytest.approx(t, abs=1e-5)
    assert float(row["p"]) == pytest.approx(1 - t / math.sqrt(2 + t**2), abs=1e-6)
    assert float(row["low"]) == pytest.approx(1 / 12 - T_975 * sd, abs=1e-6)
    assert row["p_holm"] == row["p"]
    assert (row["splits"], row["min"], row["max"], row["note"]) == ("3", "0", "0.2", "")


def test_what_was_not_run_in_a_split_is_said(summarise):
    tables = of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7])
    tables[1][CHAIN] = {"status": "not run: one class only"}
    tables[2][CHAIN] = {"status": "not run: one class only"}
    (chain, _), (row,), shown = summarise(tables)
    assert (chain["splits"], chain["auc_mean"], chain["auc_sd"], chain["auc_low"]) == ("1", "0.8", "", "")
    assert chain["note"] == ("2 of 3 splits not run: one class only; one split has no SD and no interval")
    assert (row["splits"], row["p"]) == ("1", "")
    assert row["note"] == "2 of 3 splits lack one of the rows; one split has no SD and no test"
    assert [(one["split"], one["auc"], one["note"]) for one in shown[:2]] == [
        ("7", "0.8", ""), ("8", "", "not run: one class only")
    ]  # fmt: skip


def test_a_row_that_no_split_has_is_compared_with_nothing(summarise):
    tables = of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7])
    for table in tables:
        table[RANDOM] = {"status": "not run: left out"}
    (_, random), (nothing,), _ = summarise(tables)
    assert (random["splits"], random["note"]) == ("0", "3 of 3 splits not run: left out")
    assert nothing["note"].startswith("nothing to compare")


def test_thresholds_of_the_test_part_are_called_optimistic(summarise):
    tables = of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7])
    for table in tables:
        table[CHAIN]["threshold_source"] = "test (optimistic)"
    (chain, random), _, _ = summarise(tables)
    assert "thresholds were chosen on the test parts" in chain["note"]
    assert "thresholds" not in random["note"]


def test_readers_have_no_interval(summarise):
    tables = [{READERS: {"accuracy": accuracy, "target": "TSS < 4.5 h"}} for accuracy in (0.5, 0.75, 1)]
    (row,), (nothing,), _ = summarise(tables)
    assert (row["accuracy_mean"], row["accuracy_sd"], row["accuracy_low"]) == ("0.75", "0.25", "")
    assert (row["auc_mean"], row["test_to_train"]) == ("", "")
    assert row["note"] == "readers learn from no training part: no interval"
    assert nothing["note"].startswith("nothing to compare")


def test_tables_with_other_rows_are_refused(summarise):
    tables = of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7])
    del tables[2][RANDOM]
    with pytest.raises(RepeatError, match=r"do not have the same rows \(phase2_tss3h/2d/random\)"):
        summarise(tables)


def test_pairs_are_of_one_network_and_target():
    keys = [
        ("phase1_stroke", "2d", "random"),
        RANDOM,
        CHAIN,
        ("phase2_tss3h", "3d", "random"),
        ("phase3_tss4h5", "2d", "random"),
        ("phase3_tss4h5", "2d", "imagenet"),
        ("phase4_attention", "2d", "phase3"),
        ("phase3_tss4h5", "ratio", "flair"),
        READERS,
    ]
    assert [*list_chained_pairs(keys, PAPER)] == [(CHAIN, RANDOM), (keys[6], keys[4])]


def test_overlap_counts_patients(files):
    _, splits = files([])
    overlap = measure_overlap(splits)
    # the test parts are p08 to p11, p00 to p03 and p04 to p07
    assert overlap == (12, 12, 0, 12)
    assert measure_overlap([splits[0], splits[0]]) == (12, 4, 4, 0)
    assert measure_overlap(splits[:2]) == (12, 8, 0, 8)


def test_the_figure_has_a_dot_a_split(files, summarise, tmp_path):
    tables = of_aucs(chain=[0.8, 0.7, 0.9], random=[0.75, 0.7, 0.7])
    summarise(tables)
    _, splits = files(tables)
    figure = draw_repeats(tmp_path / "repeats.csv", tmp_path / "splits.csv", splits=splits, confidence=0.95)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "2D from stroke detection",
        "2D random start",
    ]
    dots = [line.get_xdata() for line in axis.lines if line.get_marker() == "o"]
    assert [list(points) for points in dots] == [[0.8, 0.7, 0.9], [0.8], [0.75, 0.7, 0.7], [0.75]]
    assert "3 splits of 12 patients: 12 were tested, 0 of them in several splits" in figure.get_suptitle()


def test_the_figure_says_where_there_is_nothing_to_draw(files, summarise, tmp_path):
    tables = [{CHAIN: {"status": "not run: no weights"}}] * 3
    summarise(tables)
    _, splits = files(tables)
    figure = draw_repeats(tmp_path / "repeats.csv", tmp_path / "splits.csv", splits=splits, confidence=0.95)
    assert [text.get_text() for text in figure.texts] == ["No row of Table 2 has an AUC."]
