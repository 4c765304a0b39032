"""The table of the radiomics baseline beside the networks."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.ml_table import write_ml_table

ML, NETWORK = ("ml", "phase4_attention", "radiomics"), ("2d", "phase3_tss4h5", "random")
FOUND = {
    "parts": {
        part: {"patients": 20, "usable": usable, "positives": 5}
        for part, usable in (("train", 12), ("validation", 11), ("test", 10))
    },
    "candidates": {
        "logistic regression": {"auc": 0.7, "settings": {}},
        "RBF SVM": {"auc": 0.65, "settings": {"classifier__C": 8.0, "classifier__gamma": 0.125}},
    },
    "chosen": "logistic regression",
    "selected": ["adc_size_ml", "flair_ratio_mean"],
    "threshold_f05": 0.61,
    "note": "",
}


@pytest.fixture
def ml_table(made_up_run):
    """Write the table and return it with the baseline's predictions."""

    def write(found=FOUND, scorers=(ML, NETWORK)):
        paths = made_up_run.write(scorers, seeds=(0,))
        record = made_up_run.root / "record.json"
        record.write_text(json.dumps(found))
        table = made_up_run.root / "tables/ml_baseline.csv"
        files = {name: made_up_run.root / f"cohort/{name}.tsv" for name in ("cohort", "split")}
        write_ml_table(paths, table, record=record, confidence=0.95, **files)
        return pd.read_csv(table), pd.read_csv(paths[0], sep="\t")

    return write


def test_the_candidates_are_named_with_their_settings(ml_table):
    table, _ = ml_table()
    rows = table[table["section"] == "classifiers"].set_index("model")
    assert rows["auc"].to_dict() == {"logistic regression": 0.7, "RBF SVM": 0.65}
    assert rows["note"].to_dict() == {
        "logistic regression": "chosen, with 2 features",
        "RBF SVM": "C 8, gamma 0.125",
    }


def test_usable_patients_are_counted_by_part(ml_table):
    table, _ = ml_table()
    rows = table[table["section"] == "usable regions"].set_index("part")
    assert rows["n"].to_dict() == {"train": 12, "validation": 11, "test": 10, "all": 33}


def test_both_thresholds_are_chosen_without_the_test_part(ml_table):
    table, predicted = ml_table()
    patients = predicted.groupby(["patient", "part", "label"])["score"].mean().reset_index()
    test = patients[patients["part"] == "test"]
    learned = patients[patients["part"] != "test"]
    rows = table[table["section"] == "thresholds"].set_index("model")
    expected = {
        "F0.5 (Lee et al. 2020)": 0.61,
        "Youden's J (as in Table 2)": youden_threshold(learned["label"], learned["score"]),
    }
    assert rows["threshold"].to_dict() == pytest.approx(expected, rel=1e-5)
    for name, threshold in expected.items():
        called = test["score"] >= threshold
        assert rows.loc[name, "n"] == len(test) == 20
        assert rows.loc[name, "sensitivity"] == pytest.approx(called[test["label"] == 1].mean(), rel=1e-5)
        assert rows.loc[name, "specificity"] == pytest.approx((~called)[test["label"] == 0].mean(), rel=1e-5)
        assert rows.loc[name, "sensitivity_low"] < rows.loc[name, "sensitivity"]


def test_rows_of_the_task_stand_on_the_same_patients(ml_table):
    table, predicted = ml_table()
    rows = table[table["section"] == "same test patients"].set_index("model")
    test = predicted[predicted["part"] == "test"].groupby("patient")[["label", "score"]].mean()
    assert rows.loc["ml", "auc"] == pytest.approx(roc_auc_score(test["label"], test["score"]), rel=1e-5)
    assert np.isnan(rows.loc["ml", "difference"])
    assert rows.loc["2d", "n"] == len(test)
    assert rows.loc["2d", "difference"] == pytest.approx(
        rows.loc["2d", "auc"] - rows.loc["ml", "auc"], abs=1e-5
    )


def test_without_a_classifier_the_reason_stands_in_its_place(ml_table):
    nothing = {"candidates": {}, "chosen": "", "note": "not run: too few usable regions"}
    table, _ = ml_table({"parts": FOUND["parts"], **nothing}, scorers=(NETWORK,))
    assert set(table["section"]) == {"usable regions", "same test patients"}
    assert table["note"].iloc[-1] == "not run: too few usable regions"
