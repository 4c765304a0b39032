"""Readers without and with the model: a made-up sheet with known answers."""

import re

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.assisted import COLUMNS, list_readers, write_readers

SETTINGS = {"confidence": 0.95, "bootstraps": 100}
# Twenty patients, the first eight under 4.5 h. Without the model, 5 of 8 and 9 of 12 calls are right. With
# the model, the calls of two early patients and a late one become right, that of one early patient wrong.
LABEL = np.repeat([1, 0], [8, 12])
ALONE = np.array([1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, *[0] * 9])
ASSISTED = np.array([0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, *[0] * 9])


def frame(**readers):
    return pd.DataFrame(readers, index=pd.Index([f"p{number}" for number in range(20)], name="patient"))


def test_a_reader_with_known_answers():
    rows = [*list_readers(frame(reader1=ALONE), frame(reader1=ASSISTED), LABEL, SETTINGS)]
    row, majority = rows
    assert row["reader"] == "reader1"
    assert (row["n"], row["positives"]) == (20, 8)
    assert row["sensitivity"] == 5 / 8
    assert row["sensitivity_with_model"] == 6 / 8
    assert row["specificity"] == 9 / 12
    assert row["specificity_with_model"] == 10 / 12
    assert row["accuracy"] == 14 / 20
    assert row["accuracy_with_model"] == 16 / 20
    ends = proportion_confint(16, 20, method="wilson")
    assert (row["accuracy_with_model_low"], row["accuracy_with_model_high"]) == pytest.approx(ends)
    # four calls changed: of early patients 2 to the right and 1 to the wrong, of late ones 1 and 0
    assert (row["changed"], row["to_right"], row["to_wrong"]) == (4, 3, 1)
    assert row["sensitivity_difference"] == pytest.approx(1 / 8)
    assert row["specificity_difference"] == pytest.approx(1 / 12)
    assert row["accuracy_difference"] == pytest.approx(2 / 20)
    # exact McNemar: two-sided binomial of 1 in 3, of 0 in 1, of 1 in 4
    assert row["sensitivity_p"] == 1
    assert row["specificity_p"] == 1
    assert row["accuracy_p"] == pytest.approx(2 * (1 + 4) / 16)
    # Bonett and Price: one case more in each discordant cell
    p, q = 4 / 22, 2 / 22
    half = 1.959964 * np.sqrt((p + q - (p - q) ** 2) / 22)
    assert row["accuracy_difference_low"] == pytest.approx(p - q - half, rel=1e-5)
    assert row["accuracy_difference_high"] == pytest.approx(p - q + half, rel=1e-5)
    assert majority["accuracy_with_model"] == row["accuracy_with_model"]  # of one reader
    assert "kappa" not in majority


def test_the_majority_and_the_readers_agreement():
    rng = np.random.default_rng(0)
    alone = frame(**{f"reader{n}": rng.integers(0, 2, 20) for n in (1, 2, 3)})
    assisted = frame(**{f"reader{n}": np.where(rng.random(20) < 0.8, LABEL, 1 - LABEL) for n in (1, 2, 3)})
    *_, row = list_readers(alone, assisted, LABEL, SETTINGS)
    assert row["reader"] == "majority"
    for calls, end in ((alone, ""), (assisted, "_with_model")):
        votes = calls.sum(axis=1) >= 2
        assert row[f"accuracy{end}"] == pytest.approx((votes == LABEL).mean())
        kappa = fleiss_kappa(aggregate_raters(calls.to_numpy())[0])
        assert row[f"kappa{end}"] == pytest.approx(kappa)
        assert row[f"kappa{end}_low"] < kappa < row[f"kappa{end}_high"]
    assert row["kappa_with_model"] > row["kappa"]
    assert row["note"] == ""


def test_a_reader_without_the_model_stands_alone():
    alone = frame(reader1=ALONE, reader2=1 - ALONE)
    first, second, majority = list_readers(alone, frame(reader2=ASSISTED), LABEL, SETTINGS)
    assert first["note"] == "the reader sheet has no column reader1_with_model"
    assert "accuracy_with_model" not in first
    assert second["accuracy_with_model"] == 16 / 20
    assert majority["note"] == "not every reader called with the model, so there is no majority with it"
    assert "accuracy_with_model" not in majority
    assert "kappa_with_model" not in majority
    assert majority["kappa"] < 0


def test_calls_that_are_all_the_same_have_no_kappa():
    same = frame(reader1=np.ones(20, int), reader2=np.ones(20, int))
    *_, row = list_readers(same, frame(), LABEL, SETTINGS)
    assert row["note"].endswith("kappa undefined: all calls are the same")


@pytest.fixture
def readers(made_up_run):
    """Write the run's files and the table; return it."""

    def make(scorers=(("2d", "phase3_tss4h5", "random"),), *, sheet=True):
        paths = made_up_run.write(scorers, seeds=(0,))
        root = made_up_run.root
        output = root / "tables/readers.csv"
        write_readers(
            paths,
            output,
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            exclusions=root / "cohort/exclusions.tsv",
            readers=root / "readers.tsv" if sheet else None,
            settings=SETTINGS,
        )
        assert not re.search(r"\b(nan|inf)\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype={"note": str, "reader": str}).fillna({"note": ""})
        assert list(table.columns) == list(COLUMNS)
        return table

    return make


def test_a_sheet_with_calls_with_the_model(readers, made_up_run):
    truth = made_up_run.cohort["onset_to_mri_min"] < 270
    for number in (1, 2, 3):
        made_up_run.readers[f"reader{number}_with_model"] = truth.astype(int)
    table = readers().set_index("reader")
    assert table.index.tolist() == ["reader1", "reader2", "reader3", "majority"]
    assert (table["accuracy_with_model"] == 1).all()
    assert (table["to_wrong"] == 0).all()
    test = made_up_run.cohort["part"] == "test"
    wrong = (made_up_run.readers["reader1"] != truth)[test].sum()
    assert table.loc["reader1", "changed"] == table.loc["reader1", "to_right"] == wrong
    assert table.loc["majority", "kappa_with_model"] == 1
    assert (table["note"] == "").all()


def test_a_sheet_without_them_says_so(readers):
    table = readers()
    assert table["note"].str.startswith("the reader sheet has no calls with the model").all()
    assert table["accuracy"].notna().all()
    assert table["accuracy_with_model"].isna().all()
    assert table["kappa"].notna().sum() == 1


def test_what_was_not_run_says_so(readers):
    assert readers(sheet=False)["note"].tolist() == [
        "not run: no reader sheet is configured (cohort.readers)"
    ]
    assert readers([("2d", "phase2_tss3h", "random")])["note"].tolist() == [
        "not run: no phase 3 or 4 was run"
    ]
