"""The radiomics baseline: a regression's numbers are written, other classifiers are fitted again."""

import json

import numpy as np
import pandas as pd
import pytest

from strokeclock.baselines.radiomics import classifier as module
from strokeclock.baselines.radiomics.classifier import REGRESSION, choose_classifier, fit_ml, predict_ml
from strokeclock.fitted import FittedError
from strokeclock.predictions import read_predictions

TASK = {"phase": "phase4_attention", "below_min": 270}


@pytest.fixture
def run(tmp_path):
    """120 patients with three features, some missing; a sixth has no region to measure."""
    rng = np.random.default_rng(1)
    names = [f"p{number:03d}" for number in range(120)]
    minutes = rng.uniform(30, 510, 120).round()
    cohort = {"patient": names, "onset_to_mri_min": minutes, "lesion_side": "left"}
    pd.DataFrame(cohort).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    parts = np.array(["train", "train", "validation", "test"])[np.arange(120) % 4]
    pd.DataFrame({"patient": names, "part": parts}).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    values = rng.normal(size=(120, 3)) + (minutes < 270)[:, None] * [1, 0.5, 0]
    values[rng.random(values.shape) < 0.05] = np.nan
    table = pd.DataFrame(values, columns=["f", "g", "h"])
    table.insert(0, "reason", np.where(np.arange(120) % 6 == 5, "too small", ""))
    table.insert(0, "region_ml", 4.0)
    table.insert(0, "patient", names)
    table.to_csv(tmp_path / "features.tsv", sep="\t", index=False, float_format="%.9g")
    return tmp_path


@pytest.fixture
def only(monkeypatch):
    """Leave one classifier to choose, with its first settings alone: the search is slow."""
    candidates = module._candidates()

    def leave(name):
        pipeline, grid = candidates[name]
        few = {key: values[-1:] for key, values in grid.items()}
        monkeypatch.setattr(module, "_candidates", lambda: {name: (pipeline, few)})

    return leave


def _files(run):
    return {
        "cross_validated": run / "cross_validated.tsv",
        **{name: run / f"{name}.tsv" for name in ("cohort", "split")},
    }


def _fit(run):
    fit_ml([run / "features.tsv"], run / "fitted.json", **_files(run), **TASK)
    return json.loads((run / "fitted.json").read_text())


def _predict(run, **changes):
    predict_ml(
        run / "fitted.json",
        [run / "features.tsv"],
        run / "seed-0.tsv",
        record=run / "record.json",
        **_files(run),
        **TASK | changes,
    )
    return read_predictions(run / "seed-0.tsv"), json.loads((run / "record.json").read_text())


@pytest.mark.parametrize("name", [REGRESSION, "support vector machine", "random forest"])
def test_scores_are_those_of_the_chosen_model_written_or_fitted_again(run, only, name):
    only(name)
    content = _fit(run)
    assert content["chosen"] == name
    assert content["travels"] is (content["regression"] is not None) is (name == REGRESSION)
    found, record = _predict(run)
    table = pd.read_csv(run / "features.tsv", sep="\t").set_index("patient")
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").merge(pd.read_csv(run / "split.tsv", sep="\t"))
    usable = cohort[(table["reason"] != "too small").to_numpy()]
    values = table[["f", "g", "h"]]
    learned, test = usable[usable["part"] != "test"], usable[usable["part"] == "test"]
    label = (learned["onset_to_mri_min"] < 270).astype(int).to_numpy()
    choice = choose_classifier(values.loc[learned["patient"]].to_numpy(), label)
    expected = pd.concat(
        [
            pd.Series(choice.scores, learned["patient"]),
            pd.Series(
                choice.model.predict_proba(values.loc[test["patient"]].to_numpy())[:, 1], test["patient"]
            ),
        ]
    )
    assert [f"{score:.9g}" for score in found["score"]] == [
        f"{score:.9g}" for score in expected[found["patient"]]
    ]
    assert record["chosen"] == name
    assert record["candidates"] == content["candidates"]
    assert record["parts"]["test"] == {
        "patients": 30,
        "usable": len(test),
        "positives": (test["onset_to_mri_min"] < 270).sum(),
    }
    fitted_on = content["fitted_on"]
    assert fitted_on["parts"] == ["train", "validation"]
    assert (fitted_on["patients"], fitted_on["positives"]) == (len(learned), label.sum())
    assert not [patient for patient in table.index if patient in (run / "fitted.json").read_text()]


@pytest.mark.parametrize("name", [REGRESSION, "support vector machine"])
def test_other_features_or_patients_are_refused(run, only, name):
    only(name)
    _fit(run)
    before = (run / "features.tsv").read_text()
    table = pd.read_csv(run / "features.tsv", sep="\t", keep_default_na=False)
    for change in (table.assign(f=table["f"].replace(table["f"][0], "9")), table.rename(columns={"f": "k"})):
        change.to_csv(run / "features.tsv", sep="\t", index=False)
        with pytest.raises(FittedError, match=r"fitted\.json was fitted on other patients or features"):
            _predict(run)
    (run / "features.tsv").write_text(before)
    with pytest.raises(FittedError, match="was fitted for row 'ml/phase4_attention/radiomics'"):
        _predict(run, phase="phase5_attention")
    split = pd.read_csv(run / "split.tsv", sep="\t")
    split.loc[0, "part"] = "test"
    split.to_csv(run / "split.tsv", sep="\t", index=False)
    with pytest.raises(FittedError, match=r"fitted\.json was fitted on other patients or features"):
        _predict(run)


def test_the_fit_does_not_depend_on_the_test_part(run, only):
    only(REGRESSION)
    first = _fit(run)
    table = pd.read_csv(run / "features.tsv", sep="\t", keep_default_na=False)
    test = (pd.read_csv(run / "split.tsv", sep="\t")["part"] == "test").to_numpy()
    table.loc[test, ["f", "g", "h"]] = "7"
    table.to_csv(run / "features.tsv", sep="\t", index=False)
    assert _fit(run) == first


def test_too_few_regions_are_noted(run):
    table = pd.read_csv(run / "features.tsv", sep="\t", keep_default_na=False)
    table.loc[9:, "reason"] = "too small"
    table.to_csv(run / "features.tsv", sep="\t", index=False)
    content = _fit(run)
    assert (content["chosen"], content["travels"], content["candidates"]) == ("", False, {})
    found, record = _predict(run)
    assert found.empty
    assert record["note"].startswith("not run: too few usable regions (6 in training and validation, ")
