"""Tests between groups of patients, against their definitions; their table."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, hypergeom

from strokeclock.evaluation import interactions as module
from strokeclock.evaluation.interactions import COLUMNS, compare_aucs, compare_shares, write_interactions
from strokeclock.evaluation.intervals import delong_variance
from strokeclock.evaluation.metrics import auc, youden_threshold
from strokeclock.predictions import Scorer, collect_predictions

TIME = ("2d", "phase3_tss4h5", "phase2")


def test_cochrans_q_by_hand():
    """Weights are 1000, 500 and 250."""
    found = compare_aucs([0.69, 0.70, 0.74], [0.001, 0.002, 0.004])
    mean = (690 + 350 + 185) / 1750
    q = 1000 * (0.69 - mean) ** 2 + 500 * (0.70 - mean) ** 2 + 250 * (0.74 - mean) ** 2
    assert (found.test, found.df) == ("Cochran's Q", 2)
    assert found.statistic == pytest.approx(q)
    assert found.p == pytest.approx(chi2.sf(q, 2))


def test_q_of_two_groups_is_the_square_of_z():
    found = compare_aucs([0.8, 0.6], [0.003, 0.001])
    assert found.statistic == pytest.approx(0.2**2 / 0.004)


def test_an_auc_of_1_takes_no_part():
    found = compare_aucs([0.8, 1.0, 0.6], [0.003, 0.0, 0.001])
    assert found.statistic == pytest.approx(10)
    assert found.note == "1 group left out with an AUC of 0 or 1"
    refused = compare_aucs([0.8, 1.0], [0.003, 0.0])
    assert math.isnan(refused.p)
    assert refused.note == "nothing to compare: fewer than two groups have an AUC with a variance"


def test_q_rejects_as_often_as_it_should_where_groups_are_alike():
    rng = np.random.default_rng(0)
    label = np.r_[np.ones(40, int), np.zeros(40, int)]
    p = []
    for _ in range(500):
        scores = rng.normal(size=(3, 80)) + label
        areas, variances = ([of(label, score) for score in scores] for of in (auc, delong_variance))
        p.append(compare_aucs(areas, variances).p)
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.04)


def test_fisher_by_its_definition():
    """Right 9 of 10 and 4 of 12: the tables with the same margins that are not likelier than this one."""
    found = compare_shares([(9, 1), (4, 8)])
    likely = hypergeom(22, 13, 10).pmf(np.arange(11))
    assert found.test == "Fisher, exact"
    assert found.p == pytest.approx(likely[likely <= likely[9] * (1 + 1e-9)].sum())
    assert math.isnan(found.statistic)


def test_pearson_by_hand():
    """Right 10, 20, 30 of 40 each: 20 are expected, and 20 wrong; the sum of (±10, 0)² / 20 is 20."""
    found = compare_shares([(10, 30), (20, 20), (30, 10)])
    assert (found.test, found.df, found.note) == ("Pearson's chi-square", 2, "")
    assert found.statistic == pytest.approx(4 * 100 / 20)
    assert found.p == pytest.approx(chi2.sf(20, 2))


def test_few_expected_cells_are_noted():
    assert compare_shares([(10, 1), (12, 2), (9, 3)]).note == "an expected count is under 5: p is approximate"


def test_shares_that_are_all_0_or_1_tell_nothing():
    for cells in ([(10, 0), (12, 0)], [(0, 10), (0, 12), (0, 3)]):
        found = compare_shares(cells)
        assert math.isnan(found.p)
        assert found.note == "nothing to compare: all calls are the same"


def draw(numbers, of=1):
    """A number from 0 to 59 for each patient, far apart for neighbours."""
    return (numbers * 37 + 11 * of) % 60


@pytest.fixture
def interactions(made_up_run, monkeypatch):
    """Write the run's files and the table; FEWEST is 3, since the run has 20 test patients."""
    monkeypatch.setattr(module, "FEWEST", 3)
    made_up_run.cohort = made_up_run.cohort.assign(
        age=70, sex=["F", "F", "M", "M"] * 15, field_t="3.0", site=["A"] * 25 + ["B"] * 34 + ["C"]
    )

    def score(scorer, _seed, rows):
        numbers = rows["patient"].str[1:].astype(int)
        return 0.05 + draw(numbers, len(scorer[2])) / 75 + 0.1 * rows["label"]

    def make(scorers=(TIME,)):
        paths = made_up_run.write(scorers, seeds=(0,), score=score)
        root = made_up_run.root
        volumes = pd.DataFrame({"patient": made_up_run.cohort["patient"], "volume_ml": 5, "source": "mask"})
        volumes.to_csv(root / "volumes.tsv", sep="\t", index=False)
        output = root / "tables/interactions.csv"
        write_interactions(
            paths,
            output,
            thresholds=made_up_run.fit(paths)["thresholds"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            volumes=root / "volumes.tsv",
            protocols=root / "cohort/protocol.tsv",
        )
        assert not re.search(r"\b(nan|inf)\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype={"note": str, "groups": str})
        table = table.fillna({"note": "", "groups": ""})
        assert list(table.columns) == list(COLUMNS)
        return table, collect_predictions(paths)

    return make


def take_turns(cohort):
    """Every second patient of a part, from the earliest to the latest: both halves have both classes."""
    return cohort.groupby("part")["onset_to_mri_min"].rank() % 2 == 0


def test_groups_of_a_row(interactions, made_up_run):
    numbers = np.arange(60)  # late patients with high scores are at A, but for some
    is_high = draw(numbers, len(TIME[2])) > 30
    late = made_up_run.cohort["onset_to_mri_min"] >= 270
    made_up_run.cohort["site"] = np.where(np.where(late, is_high, numbers % 2) ^ (numbers % 7 == 0), "A", "B")
    table, scorers = interactions()
    found = scorers[Scorer(*TIME)]
    validation, test = found.units("validation"), found.units("test")
    threshold = youden_threshold(validation.label, validation.score)
    rows = table.set_index(["variable", "measure"])
    p = {}
    for variable, names in (("sex", ("female", "male")), ("site", ("A", "B"))):
        own = made_up_run.cohort.set_index("patient")[variable].loc[test.patient]
        groups = [(test.label[own == one], test.score[own == one]) for one in sorted(own.unique())]
        expected = compare_aucs([auc(*one) for one in groups], [delong_variance(*one) for one in groups])
        row = rows.loc[(variable, "AUC")]
        assert row["groups"] == "; ".join(names)
        assert (row["statistic"], row["df"], row["p"]) == pytest.approx(expected[1:4], rel=1e-5)
        for measure, truth in (("sensitivity", 1), ("specificity", 0)):
            right = [((score >= threshold) == label)[label == truth] for label, score in groups]
            expected = compare_shares([(one.sum(), (~one).sum()) for one in right])
            assert rows.loc[(variable, measure), "p"] == pytest.approx(expected.p, rel=1e-5)
            p[variable, measure] = expected.p
    assert p["site", "specificity"] < 0.1 < p["site", "sensitivity"]  # not mistaken for each other


def test_holm_is_within_a_row(interactions):
    table, _ = interactions([TIME, ("3d", "phase3_tss4h5", "random")])
    for _, row in table.groupby("model"):
        tested = row.dropna(subset=["p"])
        assert len(tested) > 3
        least = tested.loc[tested["p"].idxmin()]
        assert least["p_holm"] == pytest.approx(min(1, len(tested) * least["p"]), rel=1e-5)


def test_groups_that_are_left_out_are_counted(interactions):
    rows = interactions()[0].set_index(["variable", "measure"])
    assert rows.loc[("site", "AUC"), "groups"] == "A; B"
    assert rows.loc[("site", "AUC"), "note"] == (
        "1 group left out with too few (fewer than 10 of a class): C (1)"
    )
    assert not np.isnan(rows.loc[("site", "AUC"), "p"])
    row = rows.loc[("age", "sensitivity")]
    assert row["groups"] == "70 or more"
    assert row["note"] == "nothing to compare: fewer than two groups are large enough"


def test_groups_that_are_there_already_are_tested_once(interactions, made_up_run):
    turns = take_turns(made_up_run.cohort)
    made_up_run.protocols["vendor"] = np.where(turns, "Siemens", "GE")
    made_up_run.cohort["site"] = np.where(turns, "A", "B")
    rows = interactions()[0].set_index(["variable", "measure"])
    assert not np.isnan(rows.loc[("site", "AUC"), "p"])
    assert rows.loc[("scanner", "AUC"), "note"] == (
        "nothing more to compare: these are the patients of the groups by site"
    )
    assert np.isnan(rows.loc[("scanner", "AUC"), "p"])


def test_values_not_given_are_counted(interactions, made_up_run):
    made_up_run.cohort["sex"] = np.where(take_turns(made_up_run.cohort), "F", "M")
    made_up_run.cohort.loc[made_up_run.cohort.index[made_up_run.cohort["part"] == "test"][:2], "sex"] = ""
    rows = interactions()[0].set_index(["variable", "measure"])
    assert rows.loc[("sex", "AUC"), "note"] == "not given: 2"
    assert rows.loc[("sex", "AUC"), "groups"] == "female; male"


def test_no_threshold_leaves_the_aucs(interactions, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 400
    rows = interactions()[0].set_index(["variable", "measure"])
    assert not np.isnan(rows.loc[("sex", "AUC"), "p"])
    assert rows.loc[("sex", "specificity"), "note"].startswith("no threshold: the part that it is chosen on")


def test_rows_of_the_target_alone(interactions):
    table, _ = interactions([("2d", "phase2_tss3h", "random")])
    assert table["note"].tolist() == ["not run: no row with the target TSS < 4.5 h"]
