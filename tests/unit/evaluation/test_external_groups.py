"""Flow, subgroups, decision curve and case mix of an external test, by hand and against scikit-learn."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation.external.case_mix import describe_case_mix, write_external_case_mix
from strokeclock.evaluation.external.patients import SEEN
from strokeclock.fitted import FittedError


@pytest.fixture
def rich(external):
    """Fifty patients, of whom some leave at each step."""
    world = external(50)
    world.exclusions = {"gone": "entry", "far-001": SEEN, "far-002": "check", "far-003": "check"}
    world.cohort.loc[[3, 4], "onset_to_mri_min"] = np.nan
    world.cohort.loc[5, "lesion_side"] = "none"
    world.lines = [line for line in world.lines if line.patient not in world.exclusions]
    words = {"far-010": "side_unclear", "far-020": "both_sides"}
    world.lines = [
        dataclasses.replace(line, status=words.get(line.patient, line.status)) if line.score is None else line
        for line in world.lines
    ]
    return world


def test_everyone_is_somewhere_in_the_flow(rich):
    flow = rich.tables()["flow"]
    found = flow[flow["side"] == "found"].set_index(["step", "what"])["n"].to_dict()
    short = rich.cohort["onset_to_mri_min"] < 270
    lines = {line.patient: line for line in rich.lines if line.side_from == "found"}
    tested = [f"far-{number:03d}" for number in range(50) if number not in (1, 3, 4, 5)]
    scored = [one for one in tested if one in lines and lines[one].score is not None]
    answered = [one for one in scored if not lines[one].abstained]
    called = [one for one in answered if lines[one].score >= 0.47]
    assert found == {
        ("entered", ""): 51,
        ("left out", ""): 5,
        ("left out", "excluded (entry)"): 1,
        ("left out", "excluded (seen)"): 1,
        ("left out", "excluded (check)"): 1,
        ("left out", "onset not known"): 1,
        ("left out", "no lesion of known side"): 1,
        ("tested", ""): 46,
        ("no reading", ""): 6,
        ("no reading", "excluded (check)"): 1,
        ("no reading", "no_lesion"): 3,
        ("no reading", "side_unclear"): 1,
        ("no reading", "both_sides"): 1,
        ("abstained", ""): len(scored) - len(answered),
        ("answered", ""): len(answered),
        ("answered", "called shorter"): len(called),
        ("answered", "not called shorter"): len(answered) - len(called),
    }
    assert (flow["n"] == flow[["positives", "negatives", "unknown"]].sum(axis=1)).all()
    rows = flow[flow["side"] == "given"].set_index(["step", "what"])
    assert rows.loc[("entered", ""), "unknown"] == 4  # gone, two without onset, one without lesion
    assert rows.loc[("tested", ""), "positives"] == short.drop([1, 3, 4, 5]).sum()


def test_groups_against_scikit_learn(rich, monkeypatch):
    monkeypatch.setattr("strokeclock.evaluation.estimates.FEWEST", 4)
    rich.cohort.loc[8, "site"] = ""
    rows = rich.tables()["subgroups"]
    rows = rows[(rows["side"] == "found") & (rows["patients"] == "all")].set_index(["variable", "group"])
    assert rows.loc["site"].index.tolist() == ["A", "B", "not given"]
    assert rows.loc[("site", "not given"), ["n", "note"]].tolist() == [1, "not given"]
    tested = rich.cohort.drop([1, 3, 4, 5]).set_index("patient")
    lines = {line.patient: line for line in rich.lines if line.side_from == "found"}
    score = pd.Series({one: lines[one].score if one in lines else None for one in tested.index}, dtype=float)
    given = {line.patient: line.volume_ml for line in rich.lines if line.side_from == "given"}
    volume = pd.Series(given, dtype=float).reindex(score.index)  # one group a patient, whatever the side
    short = (tested["onset_to_mri_min"] < 270).astype(int)
    for place, inside in (
        (("all", "all"), score.index == score.index),
        (("site", "A"), tested["site"] == "A"),
        (("field strength", "3 T"), tested["field_t"] == 3),
        (("lesion volume", "3 to 20 mL"), volume.between(3, 20, inclusive="left")),
        (("age", "70 or more"), tested["age"] >= 70),
        (("sex", "female"), tested["sex"] == "F"),
        (("side", "left"), tested["lesion_side"] == "left"),
        (("time since onset", "outside"), ~tested["onset_to_mri_min"].between(240, 300)),
    ):
        row, label = rows.loc[place], short[inside]
        assert (row["n"], row["positives"]) == (len(label), label.sum())
        assert row["no_reading"] == score[inside].isna().sum()
        assert row["auc"] == pytest.approx(roc_auc_score(label, score[inside].fillna(0.55)), abs=1e-6)
        right = int(((score[inside] >= 0.47) == label).sum())
        assert row["accuracy"] == pytest.approx(right / len(label), abs=1e-6)
        ends = proportion_confint(right, len(label), method="wilson")
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(ends, abs=1e-6)
    assert rows.loc[("lesion volume", "not given"), "n"] == volume.isna().sum()


def test_a_small_group_is_counted_alone(rich):
    rows = rich.tables()["subgroups"].set_index(["side", "patients", "variable", "group"])
    row = rows.loc[("given", "all", "time since onset", "4 to 5 h")]
    assert row["note"] == "too few: fewer than 10 of a class"
    assert np.isnan(row["auc"])
    assert np.isnan(row["accuracy"])


def test_the_decision_curve_by_hand(rich):
    rows = rich.tables()["decision"]
    tested = rich.cohort.drop([1, 3, 4, 5]).set_index("patient")
    short = tested["onset_to_mri_min"] < 270
    lines = {line.patient: line for line in rich.lines if line.side_from == "found"}
    score = pd.Series({one: lines[one].score if one in lines else None for one in tested.index}, dtype=float)
    odds = np.log(score / (1 - score)) / 1.7
    for at in (0.05, 0.4, 0.9):
        treated = odds >= np.log(at / (1 - at))  # NaN is not
        expected = ((treated & short).sum() - (treated & ~short).sum() * at / (1 - at)) / 46
        row = rows[(rows["side"] == "found") & (rows["threshold"] == at)].iloc[0]
        assert row["net_benefit"] == pytest.approx(expected, abs=1e-6)
        assert row["net_benefit_low"] <= row["net_benefit"] <= row["net_benefit_high"]
        everyone = rows[(rows["model"] == "treat all") & (rows["threshold"] == at)].iloc[0]
        assert everyone["net_benefit"] == pytest.approx(
            (short.sum() - (~short).sum() * at / (1 - at)) / 46, abs=1e-5
        )
        assert rows[(rows["model"] == "treat none") & (rows["threshold"] == at)]["net_benefit"].item() == 0


def test_no_temperature_no_curve(rich):
    rich.frozen = [dataclasses.replace(rich.frozen[0], temperature=None)]
    rows = rich.tables()["decision"]
    assert set(rows[rows["stage"] == "phase4_attention"]["note"]) == {
        "not run: the validation part has one class only, so no score is scaled to a probability"
    }


def summarise(**changes):
    patients = pd.DataFrame(
        {
            "onset_to_mri_min": [100.0, 200, 300, np.nan],
            "onset_class": [None, None, None, ">=4.5h"],
            "lesion_side": ["left", "left", "right", "both"],
            "age": [50.0, 60, 70, np.nan],
            "sex": ["F", "F", "F", "M"],
            "nihss": [np.nan] * 4,
            "field_t": [1.5, 3, 3, np.nan],
        },
        index=["a", "b", "c", "d"],
    ).assign(**changes)
    return describe_case_mix(patients, pd.Series({"a": 2.0, "b": 4.0}))


def test_a_summary_holds_numbers_and_no_patient():
    found = summarise()
    assert found["n"] == 4
    assert found["numbers"]["age"] == {
        "n": 3, "mean": 60.0, "sd": 10.0, "quantiles": {"0.25": 55.0, "0.5": 60.0, "0.75": 65.0}
    }  # fmt: skip
    assert "nihss" not in found["numbers"]
    assert found["numbers"]["volume_ml"]["n"] == 2
    assert found["shares"]["sex"] == {"n": 4, "shares": {"female": 0.75, "male": 0.25}}
    assert found["shares"]["field strength"]["shares"] == {
        "1.5 T": pytest.approx(1 / 3),
        "3 T": pytest.approx(2 / 3),
    }
    assert found["shares"]["TSS < 4.5 h"] == {"n": 4, "shares": {"no": 0.5, "yes": 0.5}}


def test_standardised_differences(rich):
    before = summarise()
    del before["numbers"]["age"]["mean"]
    path, table = rich.root / "summary.json", rich.root / "case_mix.csv"
    path.write_text(json.dumps(before))
    write_external_case_mix(table=table, summary=path, **rich.write())
    rows = rich.read(table).set_index(["variable", "level"])
    tested = rich.cohort.drop([1, 3, 4, 5])
    age = tested["age"]
    row = rows.loc[("age, years", "")]
    assert row[["development_n", "development", "development_low", "development_high"]].tolist() == [
        3,
        60,
        55,
        65,
    ]
    assert row["external_n"] == 46
    assert row["external"] == age.median()
    spread = np.sqrt((age.var(ddof=1) + (10 / 1.35) ** 2) / 2)
    assert row["smd"] == pytest.approx((age.mean() - 60) / spread, abs=1e-5)
    assert row["note"] == "difference from the quartiles (Wan et al. 2014)"
    minutes = tested["onset_to_mri_min"]
    spread = np.sqrt((minutes.var(ddof=1) + 100**2) / 2)
    assert rows.loc[("TSS, min", ""), "smd"] == pytest.approx((minutes.mean() - 200) / spread, abs=1e-5)
    women = (tested["sex"] == "F").mean()
    expected = (women - 0.75) / np.sqrt((women * (1 - women) + 0.75 * 0.25) / 2)
    assert rows.loc[("sex", "female"), "smd"] == pytest.approx(expected, abs=1e-5)
    assert ("sex", "male") not in rows.index
    assert rows.loc[("NIHSS", ""), "note"] == "not in the development's summary"
    assert rows.loc[("lesion side", "both"), "external"] == 0


def test_what_nobody_has_or_differs_in_is_said(rich):
    rich.cohort = rich.cohort.assign(age=np.nan, nihss=4.0)
    path, table = rich.root / "summary.json", rich.root / "case_mix.csv"
    path.write_text(json.dumps(summarise(nihss=4.0)))
    write_external_case_mix(table=table, summary=path, **rich.write())
    rows = rich.read(table).set_index("variable")
    assert rows.loc["age, years", "note"] == "not given for the external patients"
    assert (
        rows.loc["NIHSS", "note"] == "no standardised difference: nobody differs from the others of a cohort"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"numbers": [], "shares": {}}', '{"numbers": {"age": 3}}'])
def test_another_summary_is_refused(rich, text):
    path = rich.root / "summary.json"
    path.write_text(text)
    with pytest.raises(
        FittedError, match=r"^summary\.json holds no summary of a cohort: export the bundle anew"
    ):
        write_external_case_mix(table=rich.root / "case_mix.csv", summary=path, **rich.write())
