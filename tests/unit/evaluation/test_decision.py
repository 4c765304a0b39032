"""Net benefit by hand, and the table of decision curves."""

import re

import numpy as np
import pandas as pd
import pytest

from strokeclock.evaluation.decision import COLUMNS, THRESHOLDS, net_benefit, write_decision_curve
from strokeclock.evaluation.odds import scale
from strokeclock.evaluation.operating import fit_temperature
from strokeclock.predictions import Scorer, collect_predictions

SETTINGS = {"confidence": 0.95, "bootstraps": 300}
TEXTS = ("target", "stage", "model", "start", "note")
SCORER = ("2d", "phase3_tss4h5", "phase2")


def test_net_benefit_by_hand():
    # at a threshold of 1 in 5, a wrong treatment costs a quarter of what a right one is worth
    assert net_benefit(30, 20, 100, 0.2) == pytest.approx(0.30 - 0.20 / 4)


@pytest.fixture
def decision(made_up_run):
    def make(scorers=(SCORER,), *, readers=True, **files):
        paths = made_up_run.write(scorers, **files)
        root = made_up_run.root
        output = root / "tables/decision_curve.csv"
        write_decision_curve(
            paths,
            output,
            temperatures=made_up_run.fit(paths)["temperatures"],
            cohort=root / "cohort/cohort.tsv",
            split=root / "cohort/split.tsv",
            exclusions=root / "cohort/exclusions.tsv",
            readers=root / "readers.tsv" if readers else None,
            settings=SETTINGS,
        )
        assert not re.search(r"\bnan\b", output.read_text(), re.IGNORECASE)
        table = pd.read_csv(output, dtype=dict.fromkeys(TEXTS, str)).fillna(dict.fromkeys(TEXTS, ""))
        assert list(table.columns) == list(COLUMNS)
        return table, paths

    return make


def curve(table, model, target="TSS < 4.5 h"):
    rows = table[(table["model"] == model) & (table["target"] == target)]
    assert rows["threshold"].to_numpy() == pytest.approx(THRESHOLDS)
    return rows.set_index(rows["threshold"].round(2))


def test_treating_all_and_none(decision, made_up_run):
    table, _ = decision()
    test = made_up_run.cohort.query("part == 'test'")
    prevalence = (test["onset_to_mri_min"] < 270).mean()
    everybody = curve(table, "treat all")["net_benefit"]
    assert everybody[0.25] == pytest.approx(prevalence - (1 - prevalence) / 3, abs=1e-6)
    assert (curve(table, "treat none")[["net_benefit", "net_benefit_low", "net_benefit_high"]] == 0).all(
        axis=None
    )


def test_a_network_treats_by_its_scaled_score(decision):
    table, paths = decision()
    found = collect_predictions(paths)[Scorer(*SCORER)]
    test = found.units("test")
    called = scale(test.score, fit_temperature(found)) >= 0.6
    tp, fp = (called & (test.label == 1)).sum(), (called & (test.label == 0)).sum()
    row = curve(table, "2d").loc[0.6]
    assert row["net_benefit"] == pytest.approx((tp - 1.5 * fp) / 20, abs=1e-6)
    assert row["net_benefit_low"] < row["net_benefit"] < row["net_benefit_high"]


def test_intervals_agree_with_the_spread_of_a_proportion(decision, made_up_run):
    """Treat all: TP/n is the share of positives, and the net benefit a linear function of it."""
    table, _ = decision()
    share = (made_up_run.cohort.query("part == 'test'")["onset_to_mri_min"] < 270).mean()
    row = curve(table, "treat all").loc[0.5]
    half = 1.96 * 2 * np.sqrt(share * (1 - share) / 20)
    assert (row["net_benefit_high"] - row["net_benefit_low"]) / 2 == pytest.approx(half, rel=0.15)


def test_readers_stand_beside_their_target_alone(decision, made_up_run):
    table, _ = decision([SCORER, ("2d", "phase2_tss3h", "random"), ("ratio", "phase3_tss4h5", "flair")])
    assert set(table["target"]) == {"TSS < 3 h", "TSS < 4.5 h"}
    readers = table[table["stage"] == "readers"]
    assert set(readers["target"]) == {"TSS < 4.5 h"}
    assert set(readers["model"]) == {"reader1", "reader2", "reader3", "majority"}
    assert "ratio" in set(table["model"])
    inside = made_up_run.cohort["part"] == "test"
    treated = made_up_run.readers["reader2"][inside] == 1
    early = made_up_run.cohort["onset_to_mri_min"][inside] < 270
    expected = ((treated & early).sum() - (treated & ~early).sum() / 4) / 20
    assert curve(table, "reader2")["net_benefit"][0.2] == pytest.approx(expected, abs=1e-6)


def test_no_sheet_no_readers(decision):
    table, _ = decision(readers=False)
    assert "readers" not in set(table["stage"])


def test_without_a_tss_target_a_note_says_so(decision):
    table, _ = decision([("2d", "phase1_stroke", "random")])
    assert table["note"].tolist() == ["nothing to draw: no scorer with a TSS target was run"]


def test_validation_with_one_class_gives_no_probability(decision, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 30
    table, _ = decision()
    (note,) = table[table["model"] == "2d"]["note"]
    assert note.startswith("not run: the validation part has one class only")
    assert len(curve(table, "treat all")) == len(THRESHOLDS)


def test_a_test_part_with_one_class_has_a_curve(decision, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "test", "onset_to_mri_min"] = 30
    table, _ = decision()
    assert (curve(table, "treat all")["net_benefit"] == 1).all()
