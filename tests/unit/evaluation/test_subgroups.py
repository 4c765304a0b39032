"""Groups of patients by hand, and their rows against scikit-learn."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from strokeclock.evaluation import subgroups as module
from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.subgroups import (
    COLUMNS,
    NOT_GIVEN,
    SOURCES,
    assign_groups,
    read_scanners,
    write_subgroups,
)
from strokeclock.predictions import Scorer, collect_predictions
from strokeclock.segmentation.lesion import DRAWN, FOUND, NONE

SETTINGS = {"confidence": 0.95}
SCORER = ("2d", "phase3_tss4h5", "phase2")


def test_groups_at_their_bounds():
    patients = pd.DataFrame(
        {
            "onset_to_mri_min": [239, 240, 300, 301],
            "lesion_side": ["left", "both", "right", None],
            "age": [69, 70, np.nan, 97],
            "sex": ["F", "M", None, "F"],
            "field_t": [1.5, 3.0, np.nan, 3],
            "site": ["north", "south", None, "north"],
        },
        index=list("abcd"),
    )
    lesions = pd.DataFrame(
        {"volume_ml": ["2.999", "3", "20"], "source": ["mask", "automatic", "mask"]}, index=list("abd")
    )
    found = assign_groups(patients, lesions, pd.Series({"a": "Siemens 1.5 T", "c": "GE 3 T"}))
    assert found.astype(str).to_dict("list") == {
        "all": ["all"] * 4,
        "site": ["north", "south", NOT_GIVEN, "north"],
        "scanner": ["Siemens 1.5 T", NOT_GIVEN, "GE 3 T", NOT_GIVEN],
        "field strength": ["1.5 T", "3 T", NOT_GIVEN, "3 T"],
        "lesion volume": ["< 3 mL", "3 to 20 mL", NOT_GIVEN, "20 mL or more"],
        "lesion mask": ["drawn", "found on DWI", NOT_GIVEN, "drawn"],
        "age": ["< 70", "70 or more", NOT_GIVEN, "70 or more"],
        "sex": ["female", "male", NOT_GIVEN, "female"],
        "side": ["left", "both", "right", NOT_GIVEN],
        "time since onset": ["outside", "4 to 5 h", "4 to 5 h", "outside"],
    }

    assert found["scanner"].cat.categories.tolist() == ["GE 3 T", "Siemens 1.5 T", NOT_GIVEN]
    assert "scanner" not in assign_groups(patients, lesions)
    assert "lesion mask" not in assign_groups(patients, lesions[["volume_ml"]])


def test_every_source_of_a_volume_has_its_words():
    assert set(SOURCES) == {DRAWN, FOUND, NONE}


def test_scanners_from_the_first_series_that_says_it(tmp_path):
    lines = [
        "patient\tseries\tvendor\tfield_t\ttr_ms",
        "a\tt2w\tn/a\t3\t4000",
        "a\tdwi\tPhilips\t1.5\t4000",
        "b\tdwi\tGE\tn/a\t4000",
        "c\tdwi\tn/a\t1.5\tn/a",
        "d\tdwi\tn/a\tn/a\tn/a",
    ]
    (tmp_path / "protocol.tsv").write_text("\n".join(lines) + "\n")
    assert read_scanners(tmp_path / "protocol.tsv").to_dict() == {
        "a": "Philips 3 T",
        "b": "GE",
        "c": "vendor unknown, 1.5 T",
    }


@pytest.fixture
def subgroups(made_up_run, monkeypatch):
    """Write the run's files and the table; FEWEST is 3, since the run has 20 test patients."""
    monkeypatch.setattr(module, "FEWEST", 3)
    rng = np.random.default_rng(1)
    made_up_run.cohort = made_up_run.cohort.assign(
        age=rng.integers(50, 90, 60), sex=["F", "M"] * 30, field_t=["", *["1.5", "3.0"] * 29, "3.0"], nihss=4
    )
    volumes = pd.DataFrame(
        {
            "patient": made_up_run.cohort["patient"],
            "volume_ml": [*np.round(rng.uniform(3, 60, 59), 2), ""],
            "source": [*["mask"] * 40, *["automatic"] * 19, "none"],
        }
    )

    def make(scorers=(SCORER,), **files):
        paths = made_up_run.write(scorers, **files)
        root = made_up_run.root
        volumes.to_csv(root / "volumes.tsv", sep="\t", index=False)
        output = root / "tables/subgroups.csv"
        write_subgroups(
            paths,
            output,
            thresholds=made_up_run.fit(paths)["thresholds"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            volumes=root / "volumes.tsv",
            protocols=root / "cohort/protocol.tsv",
            settings=SETTINGS,
        )
        assert not re.search(r"\bnan\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype={"note": str}).fillna({"note": ""})
        assert list(table.columns) == list(COLUMNS)
        return table, paths, volumes

    return make


def test_a_group_against_scikit_learn(subgroups, made_up_run):
    table, paths, _ = subgroups()
    found = collect_predictions(paths)[Scorer(*SCORER)]
    validation, test = found.units("validation"), found.units("test")
    threshold = youden_threshold(validation.label, validation.score)
    rows = table.set_index(["variable", "group"])
    for variable, group, column in (("all", "all", None), ("sex", "female", "F"), ("sex", "male", "M")):
        inside = np.ones(20, bool)
        if column:
            sex = made_up_run.cohort.set_index("patient")["sex"]
            inside = (sex.loc[test.patient] == column).to_numpy()
        row, label, score = rows.loc[(variable, group)], test.label[inside], test.score[inside]
        assert (row["n"], row["positives"]) == (inside.sum(), label.sum())
        assert row["auc"] == pytest.approx(roc_auc_score(label, score), abs=1e-6)
        assert row["sensitivity"] == pytest.approx((score >= threshold)[label == 1].mean(), abs=1e-6)
        assert row["specificity"] == pytest.approx((score < threshold)[label == 0].mean(), abs=1e-6)
        assert row["threshold"] == pytest.approx(threshold, abs=1e-6)
        if row["auc"] == 1:
            assert row["note"] == "no interval: an AUC of 0 or 1"
        else:
            assert row["auc_low"] < row["auc"] < row["auc_high"]


def test_every_variable_counts_every_patient(subgroups):
    table, _, _ = subgroups()
    assert (table.groupby("variable")["n"].sum() == 20).all()


def test_a_small_group_is_counted_and_not_measured(subgroups):
    table, _, _ = subgroups()
    row = table.set_index(["variable", "group"]).loc[("lesion volume", "< 3 mL")]
    assert row["n"] == 0
    assert row["note"] == "too few: fewer than 10 of a class"
    assert row[["auc", "sensitivity", "threshold"]].isna().all()


def test_values_not_given_are_counted(subgroups):
    table, _, _ = subgroups()
    missing = table[table["group"] == NOT_GIVEN].set_index("variable")
    assert missing.loc["lesion volume", "n"] == 1
    assert missing.loc["lesion volume", "note"] == "not given; volume from none: 1"
    assert missing["auc"].isna().all()
    # the patient without a field strength is not in test; the cohort has no column site
    assert set(missing.index) == {"lesion volume", "site"}


def test_the_volume_says_where_it_comes_from(subgroups, made_up_run):
    table, _, volumes = subgroups()
    test = made_up_run.cohort["part"] == "test"
    large = volumes[test & (pd.to_numeric(volumes["volume_ml"]) >= 20)]["source"].value_counts()
    note = table.set_index("group").loc["20 mL or more", "note"]
    assert note == f"volume from automatic: {large['automatic']}, mask: {large['mask']}"


def test_rows_of_the_target_alone(subgroups):
    scorers = [SCORER, ("ratio", "phase3_tss4h5", "flair"), ("2d", "phase2_tss3h", "random")]
    table, _, _ = subgroups(scorers)
    assert set(table["model"]) == {"2d", "ratio"}
    assert set(table["stage"]) == {"phase3_tss4h5"}
    table, _, _ = subgroups([("2d", "phase2_tss3h", "random")])
    assert table["note"].tolist() == ["not run: no row with the target TSS < 4.5 h"]


def test_one_class_on_validation_leaves_the_auc(subgroups, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 30
    table, _, _ = subgroups()
    row = table.iloc[0]
    assert row["note"] == "no threshold: the part that it is chosen on has one class only"
    assert not np.isnan(row["auc"])
    assert np.isnan(row["sensitivity"])


def test_one_class_on_test_is_too_few_everywhere(subgroups, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 30
    table, _, _ = subgroups()
    assert table["auc"].isna().all()
    assert table["note"].str.contains("too few|not given").all()
