"""Table 2 from hand-made predictions: exact numbers, and a threshold that never rests on the test part."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from strokeclock.errors import ConfigurationError
from strokeclock.evaluation.table2 import COLUMNS, write_table2
from strokeclock.predictions import PAPER as PAPER_TASKS
from strokeclock.predictions import PredictionError, Scorer

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"
SETTINGS = {"confidence": 0.95, "bootstraps": 200}
SCORER = ("2d", "phase3_tss4h5", "phase2")


@pytest.fixture
def table2(made_up_run):
    """Write the run's files and Table 2; return it, indexed by stage, model and weights ("" where none)."""

    def make(
        *, readers=True, chosen=None, settings=None, tasks=PAPER_TASKS, not_run=None, run="one", **files
    ):
        paths = made_up_run.write(**files)
        fitted = made_up_run.fit(paths, tasks=tasks, **(chosen or {}))
        output = made_up_run.root / "tables/table2.csv"
        write_table2(
            paths,
            output,
            made_up_run.root / "accesses.tsv",
            ledger=made_up_run.root / "ledger.tsv",
            run=run,
            paper=PAPER,
            thresholds=fitted["thresholds"],
            cohort=made_up_run.root / "cohort/cohort.tsv",
            split=made_up_run.root / "cohort/split.tsv",
            exclusions=made_up_run.root / "cohort/exclusions.tsv",
            readers=made_up_run.root / "readers.tsv" if readers else None,
            settings=SETTINGS | (settings or {}),
            tasks=tasks,
            recipe="paper",
            not_run=[(*scorer, reason) for scorer, reason in (not_run or {}).items()],
        )
        table = pd.read_csv(output).fillna({"start": ""})
        return table.set_index(["stage", "model", "start"])

    return make


def row(table, net, phase, start):
    return table.loc[(phase, net, start)]


def test_rows_are_the_papers_in_order(table2):
    paper = pd.read_csv(PAPER).fillna({"start": ""})
    table = table2()
    assert len(table) == 23
    assert table.index.tolist() == list(paper[["stage", "model", "start"]].itertuples(index=False, name=None))
    assert [*table.index.names, *table.columns] == list(COLUMNS)
    for name in ("sensitivity", "specificity", "accuracy", "auc"):
        assert np.array_equal(table[f"paper_{name}"], paper[name], equal_nan=True)


def test_status_of_every_row(table2):
    missing = {
        Scorer(net, phase, start): f"name the files of {start}"
        for net, start in (("2d", "imagenet"), ("2d", "medical"), ("3d", "medical"))
        for phase in ("phase2_tss3h", "phase3_tss4h5")
    }
    table = table2(not_run=missing)
    status = table["status"]
    assert len(status) == 23
    assert (status == "ok").sum() == 12 + 4
    assert status["phase4_attention", "ml", "radiomics"].startswith("not run: too few patients")
    for scorer, reason in missing.items():
        assert row(table, *scorer)["status"] == f"not run: {reason}"


def test_an_added_task_has_rows_beyond_the_papers(table2):
    phase = "phase5_tss6h"
    table = table2(
        scorers=[SCORER, ("2d", phase, "random"), ("3d", phase, "phase3")],
        tasks=PAPER_TASKS | {phase: 360},
        not_run={Scorer("2d", phase, "imagenet"): "no file"},
    )
    assert len(table) == 23 + 3
    assert table.index[-3:].tolist() == [
        (phase, "2d", "imagenet"),
        (phase, "2d", "random"),
        (phase, "3d", "phase3"),
    ]
    assert set(table.index[-7:-3].get_level_values("stage")) == {"readers"}
    added = row(table, "2d", phase, "random")
    assert added["status"] == "ok"
    assert added["positives"] == row(table, "3d", phase, "phase3")["positives"]
    assert added["positives"] > row(table, *SCORER)["positives"]
    assert np.isnan(added["paper_auc"])
    assert row(table, "2d", phase, "imagenet")["status"] == "not run: no file"


def test_rows_left_out_of_training_say_so(table2):
    status = table2(scorers=[SCORER], readers=False)["status"]
    assert (status == "ok").sum() == 1
    assert "training.phase0_genesis or a phase's after" in status["phase4_attention", "3d", "phase3"]
    assert "cohort.readers" in status["readers", "majority", ""]


def test_readers_without_phases_3_and_4_are_not_run(table2):
    status = table2(scorers=[("2d", "phase2_tss3h", "random")])["status"]
    assert "no phase 3 or 4" in status["readers", "reader1", ""]


def perfect_but_for(false_negatives, false_positives):
    """Validation is perfect with threshold 0.8; the first test patients of each class are wrong."""

    def score(_scorer, _seed, rows):
        label = rows["label"].to_numpy()
        scores = np.where(label == 1, 0.8, 0.1)
        if rows["part"].iloc[0] == "test":
            for value, patients in ((1, false_negatives), (0, false_positives)):
                chosen = rows["patient"][rows["label"] == value].unique()[:patients]
                scores[rows["patient"].isin(chosen)] = 0.3 if value else 0.9
        return scores

    return score


def test_exact_numbers_of_a_hand_made_scorer(table2, made_up_run):
    test = made_up_run.cohort.query("part == 'test'")
    positives = int((test["onset_to_mri_min"] < 270).sum())
    negatives = 20 - positives
    found = row(table2(scorers=[SCORER], seeds=[0], score=perfect_but_for(3, 2)), *SCORER)
    assert found[["n", "positives", "tp", "fn", "tn", "fp"]].tolist() == [
        20, positives, positives - 3, 3, negatives - 2, 2
    ]  # fmt: skip
    assert found["unit"] == "patient"
    assert found["sensitivity"] == pytest.approx((positives - 3) / positives, abs=1e-6)
    assert found["specificity"] == pytest.approx((negatives - 2) / negatives, abs=1e-6)
    assert found["accuracy"] == pytest.approx(15 / 20, abs=1e-6)
    # a wrong negative (0.9) beats every positive; a wrong positive (0.3) still beats right negatives (0.1)
    assert found["auc"] == pytest.approx((negatives - 2) / negatives, abs=1e-6)
    low, high = proportion_confint(15, 20, method="wilson")
    assert found[["accuracy_low", "accuracy_high"]].tolist() == pytest.approx([low, high], abs=1e-6)
    assert found["auc_low"] < found["auc"] < found["auc_high"]
    assert (found["threshold"], found["threshold_source"], found["seeds"]) == (0.8, "validation", 1)
    assert math.isnan(found["auc_seed_sd"])
    assert found["optimistic_threshold"] == 0.3
    assert found["optimistic_sensitivity"] == 1


def shifted_test(shift):
    def score(_scorer, _seed, rows):
        base = np.linspace(0.2, 0.6, len(rows))
        return base + shift if rows["part"].iloc[0] == "test" else base

    return score


def test_threshold_does_not_depend_on_the_test_part(table2):
    thresholds = {
        shift: table2(score=shifted_test(shift))["threshold"].dropna().tolist() for shift in (0, 0.3)
    }
    assert thresholds[0] == thresholds[0.3]
    assert len(thresholds[0]) == 12


def test_threshold_from_test_is_flagged(table2):
    chosen = {"threshold": "test"}
    tables = [table2(score=shifted_test(shift), chosen=chosen, scorers=[SCORER]) for shift in (0, 0.3)]
    before, after = (row(table, *SCORER) for table in tables)
    assert before["threshold_source"] == after["threshold_source"] == "test (optimistic)"
    assert after["threshold"] == pytest.approx(before["threshold"] + 0.3)
    assert before["accuracy"] == before["optimistic_accuracy"]


def test_fixed_threshold(table2):
    found = row(table2(scorers=[SCORER], chosen={"threshold": "fixed", "fixed_threshold": 0.25}), *SCORER)
    assert (found["threshold"], found["threshold_source"]) == (0.25, "fixed")


def test_counts_come_from_the_mean_over_seeds(table2, made_up_run):
    table = table2(scorers=[SCORER], seeds=[0, 1, 2])
    frames = [
        pd.read_csv(path, sep="\t").query("part == 'test'").groupby("patient")[["label", "score"]].mean()
        for path in sorted((made_up_run.root / "predictions").rglob("seed-*.tsv"))
    ]
    label = frames[0]["label"].astype(int)
    by_seed = [roc_auc_score(label, frame["score"]) for frame in frames]
    mean = sum(frame["score"] for frame in frames) / 3
    found = row(table, *SCORER)
    assert found["auc"] == pytest.approx(roc_auc_score(label, mean), abs=1e-6)
    assert found["auc_seed_mean"] == pytest.approx(np.mean(by_seed), abs=1e-6)
    assert found["auc_seed_sd"] == pytest.approx(np.std(by_seed, ddof=1), abs=1e-6)
    assert found["tp"] == (label.eq(1) & (mean >= found["threshold"])).sum()
    assert found["seeds"] == 3


def test_phase_1_counts_hemispheres(table2):
    found = row(table2(), "2d", "phase1_stroke", "random")
    assert (found["unit"], found["n"], found["positives"]) == ("hemisphere", 40, 22)  # 2 of 20 are bilateral
    assert found["auc_low"] < found["auc"] < found["auc_high"]


def test_readers_against_the_same_patients(table2, made_up_run):
    table = table2()
    test = made_up_run.cohort.query("part == 'test'")
    early = test["onset_to_mri_min"] < 270
    for number in (1, 2, 3):
        called = test["onset_to_mri_min"] < 200 + 50 * number
        found = table.loc[("readers", f"reader{number}", "")]
        assert found[["n", "tp", "fp"]].tolist() == [20, (called & early).sum(), (called & ~early).sum()]
        assert math.isnan(found["auc"])
    majority = table.loc[("readers", "majority", "")]
    assert majority["tp"] == table.loc[("readers", "reader2", ""), "tp"]
    assert majority["kappa_low"] < majority["kappa"] < majority["kappa_high"]
    assert majority["paper_kappa"] == 0.46
    assert table["kappa"].notna().sum() == 1


def test_more_and_fewer_readers_than_the_papers(table2, made_up_run):
    made_up_run.readers["reader4"] = made_up_run.readers["reader1"]
    table = table2()
    assert table.loc["readers"].index.get_level_values("model").tolist() == [
        "reader1", "reader2", "reader3", "reader4", "majority"
    ]  # fmt: skip
    assert math.isnan(table.loc[("readers", "reader4", ""), "paper_accuracy"])
    made_up_run.readers = made_up_run.readers[["patient", "reader1"]]
    status = table2()["status"].loc["readers"]
    assert status.str.contains("the reader sheet has 1").tolist() == [False, True, True, False]


def test_reader_sheet_may_hold_excluded_patients_but_no_strangers(table2, made_up_run):
    row_of_another = pd.DataFrame([{"patient": "gone", "reader1": 1, "reader2": 1, "reader3": 0}])
    made_up_run.readers = pd.concat([made_up_run.readers, row_of_another])
    table2()
    made_up_run.readers["patient"] = made_up_run.readers["patient"].replace("gone", "stranger")
    with pytest.raises(ConfigurationError, match="stranger, not in the cohort"):
        table2()


def test_a_part_with_one_class_gives_no_row(table2, made_up_run):
    validation = made_up_run.cohort["part"] == "validation"
    made_up_run.cohort.loc[validation, "onset_to_mri_min"] = 400
    table = table2(scorers=[SCORER, ("2d", "phase1_stroke", "random")])
    assert row(table, *SCORER)["status"].startswith("not run: the validation or test part has one class only")
    assert row(table, "2d", "phase1_stroke", "random")["status"] == "ok"


def test_labels_that_contradict_the_cohort_stop_the_table(table2, made_up_run):
    table2()
    paths = sorted((made_up_run.root / "predictions").rglob("*.tsv"))
    cohort = pd.read_csv(made_up_run.root / "cohort/cohort.tsv", sep="\t")
    cohort.assign(onset_to_mri_min=600 - cohort["onset_to_mri_min"]).to_csv(
        made_up_run.root / "cohort/cohort.tsv", sep="\t", index=False
    )
    with pytest.raises(PredictionError, match="wrong label"):
        write_table2(
            paths,
            made_up_run.root / "tables/table2.csv",
            made_up_run.root / "accesses.tsv",
            ledger=made_up_run.root / "ledger.tsv",
            run="one",
            paper=PAPER,
            thresholds=made_up_run.root / "fitted/thresholds.json",
            cohort=made_up_run.root / "cohort/cohort.tsv",
            split=made_up_run.root / "cohort/split.tsv",
            exclusions=made_up_run.root / "cohort/exclusions.tsv",
            readers=None,
            settings=SETTINGS,
            recipe="paper",
        )


def test_the_same_predictions_give_the_same_bytes(table2, made_up_run):
    table2()
    first = (made_up_run.root / "tables/table2.csv").read_bytes()
    table2()
    assert (made_up_run.root / "tables/table2.csv").read_bytes() == first


BASELINES = (("ratio", "phase3_tss4h5", "flair"), ("ml", "phase4_attention", "radiomics"))


def test_baselines_have_rows_without_a_recipe(table2):
    table = table2(scorers=[SCORER, *BASELINES])
    assert table.loc[("phase3_tss4h5", "ratio", "flair"), "n"] == 20
    assert table.loc[("phase4_attention", "ml", "radiomics"), "status"] == "ok"
    recipe = table["recipe"]
    assert set(recipe[recipe.index.get_level_values("model").isin(["2d", "3d"])].dropna()) == {"paper"}
    assert recipe[recipe.index.get_level_values("model").isin(["ml", "ratio", "readers"])].isna().all()


def times(table, *key):
    """A row's test-set accesses, as in Table 2."""
    return int(table.loc[key, "accesses"])


def test_accesses_to_the_test_part_are_counted_beside_their_row(table2, made_up_run):
    scorers = [SCORER, *BASELINES]
    first = table2(scorers=scorers)
    evaluated = first["status"] == "ok"
    assert set(first.loc[evaluated, "accesses"]) == {1}
    assert first.loc[~evaluated, "accesses"].isna().all()
    assert table2(scorers=scorers).equals(first)

    by_test = table2(scorers=scorers, chosen={"threshold": "test"})  # the same scores, other calls
    assert [times(by_test, phase, net, start) for net, phase, start in scorers] == [2, 2, 2]
    assert times(by_test, "readers", "reader1", "") == 1  # readers have no threshold

    def shifted(scorer, _seed, rows):
        return rows["score"] / 2 if scorer == SCORER else None

    other = table2(scorers=scorers, score=shifted)
    assert times(other, "phase3_tss4h5", "2d", "phase2") == 3
    assert times(other, "phase3_tss4h5", "ratio", "flair") == 2

    made_up_run.readers.loc[made_up_run.cohort["part"] == "test", "reader2"] = 1
    changed = table2(scorers=scorers)
    assert [times(changed, "readers", name, "") for name in ("reader1", "reader2", "majority")] == [1, 2, 2]
    assert times(changed, "phase3_tss4h5", "2d", "phase2") == 3  # the first access again


def test_accesses_of_another_run_name_add_up_and_are_listed(table2, made_up_run):
    table2(scorers=[SCORER])
    other = table2(scorers=[SCORER], chosen={"threshold": "test"}, run="two")
    assert times(other, "phase3_tss4h5", "2d", "phase2") == 2
    listed = pd.read_csv(made_up_run.root / "accesses.tsv", sep="\t")
    assert listed.query("model == '2d'")[["run", "access"]].values.tolist() == [["one", 1], ["two", 2]]
    rest = made_up_run.cohort["part"] != "test"
    made_up_run.cohort.loc[rest, "part"] = made_up_run.cohort.loc[rest, "part"].to_numpy()[::-1]
    assert times(table2(scorers=[SCORER]), "phase3_tss4h5", "2d", "phase2") == 3  # the same test part
    made_up_run.cohort["part"] = made_up_run.cohort["part"].to_numpy()[::-1]
    assert times(table2(scorers=[SCORER]), "phase3_tss4h5", "2d", "phase2") == 1


def test_a_further_seed_is_a_new_access_and_a_wider_interval_is_not(table2):
    table2(scorers=[SCORER])
    assert times(table2(scorers=[SCORER], settings={"confidence": 0.9}), "phase3_tss4h5", "2d", "phase2") == 1
    assert times(table2(scorers=[SCORER], seeds=(0, 1, 2)), "phase3_tss4h5", "2d", "phase2") == 2


def test_each_row_names_its_target(table2):
    targets = table2(scorers=[SCORER])["target"]
    assert targets.groupby("stage").unique().map(list).to_dict() == {
        "phase1_stroke": ["lesion"],
        "phase2_tss3h": ["TSS < 3 h"],
        "phase3_tss4h5": ["TSS < 4.5 h"],
        "phase4_attention": ["TSS < 4.5 h"],
        "readers": ["TSS < 4.5 h"],
    }
