"""The radiomics baseline: nothing is learned from whom it scores; a regression's numbers are written."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import fbeta_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from strokeclock.baselines.radiomics import classifier as module
from strokeclock.baselines.radiomics.classifier import (
    REGRESSION,
    choose_classifier,
    choose_f05_threshold,
    fit_ml,
    predict_ml,
)
from strokeclock.fitted import FittedError
from strokeclock.predictions import read_predictions

TASK = {"phase": "phase4_attention", "below_min": 270, "classifier": "best", "tuning": "cross-validation"}
TUNINGS = ["cross-validation", "validation"]

NAMES = [f"f{number}" for number in range(40)]
CLASSIFIERS = [REGRESSION, "linear SVM", "RBF SVM", "random forest"]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(module, "TREES", 20)


@pytest.fixture
def run(tmp_path):
    """120 patients with 40 features, the first two of which tell, some missing; a sixth has no region."""
    rng = np.random.default_rng(1)
    names = [f"p{number:03d}" for number in range(120)]
    minutes = rng.uniform(30, 510, 120).round()
    cohort = {"patient": names, "onset_to_mri_min": minutes, "lesion_side": "left"}
    pd.DataFrame(cohort).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    parts = np.array(["train", "train", "validation", "test"])[np.arange(120) % 4]
    pd.DataFrame({"patient": names, "part": parts}).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    values = rng.normal(size=(120, 40)) + (minutes < 270)[:, None] * np.r_[1.5, 1, np.zeros(38)]
    values[rng.random(values.shape) < 0.05] = np.nan
    table = pd.DataFrame(values, columns=NAMES)
    table.insert(0, "reason", np.where(np.arange(120) % 6 == 5, "too small", ""))
    table.insert(0, "infarct_ml", 4.0)
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


def _fit(run, **changes):
    fit_ml([run / "features.tsv"], run / "fitted.json", **_files(run), **TASK | changes)
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


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_are_those_of_the_chosen_model_written_or_fitted_again(run, only, name, tuning):
    only(name)
    content = _fit(run, tuning=tuning)
    assert content["chosen"] == name
    assert content["travels"] is (content["regression"] is not None) is (name == REGRESSION)
    found, record = _predict(run, tuning=tuning)
    table = pd.read_csv(run / "features.tsv", sep="\t").set_index("patient")
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").merge(pd.read_csv(run / "split.tsv", sep="\t"))
    usable = cohort[(table["reason"] != "too small").to_numpy()]
    values = table[NAMES]
    learned, test = usable[usable["part"] != "test"], usable[usable["part"] == "test"]
    label = (learned["onset_to_mri_min"] < 270).astype(int).to_numpy()
    held_out = (learned["part"] == "validation").to_numpy() & (tuning == "validation")
    choice = choose_classifier(values.loc[learned["patient"]].to_numpy(), label, held_out=held_out)
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
    for key in ("candidates", "selected", "threshold_f05"):
        assert record[key] == content[key]
    assert record["parts"]["test"] == {
        "patients": 30,
        "usable": len(test),
        "positives": (test["onset_to_mri_min"] < 270).sum(),
    }
    fitted_on = content["fitted_on"]
    assert fitted_on["parts"] == ["train", "validation"]
    assert (fitted_on["patients"], fitted_on["positives"]) == (len(learned), label.sum())
    assert not [patient for patient in table.index if patient in (run / "fitted.json").read_text()]


@pytest.mark.parametrize("name", [REGRESSION, "RBF SVM"])
def test_other_features_or_patients_are_refused(run, only, name):
    only(name)
    _fit(run)
    before = (run / "features.tsv").read_text()
    table = pd.read_csv(run / "features.tsv", sep="\t", keep_default_na=False)
    for change in (
        table.assign(f0=table["f0"].replace(table["f0"][0], "9")),
        table.rename(columns={"f0": "k"}),
    ):
        change.to_csv(run / "features.tsv", sep="\t", index=False)
        with pytest.raises(FittedError, match=r"fitted\.json was fitted on other patients or features"):
            _predict(run)
    (run / "features.tsv").write_text(before)
    with pytest.raises(FittedError, match="was fitted for row 'ml/phase4_attention/radiomics'"):
        _predict(run, phase="phase5_attention")
    with pytest.raises(FittedError, match="was fitted for classifier 'best'"):
        _predict(run, classifier="random forest")
    with pytest.raises(FittedError, match="was fitted for tuning 'cross-validation'"):
        _predict(run, tuning="validation")
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
    table.loc[test, NAMES] = "7"
    table.to_csv(run / "features.tsv", sep="\t", index=False)
    assert _fit(run) == first


def test_too_few_regions_are_noted(run):
    table = pd.read_csv(run / "features.tsv", sep="\t", keep_default_na=False)
    table.loc[9:, "reason"] = "too small"  # of whom six are learned from, fewer than five of a class
    table.to_csv(run / "features.tsv", sep="\t", index=False)
    content = _fit(run)
    assert (content["chosen"], content["travels"], content["candidates"]) == ("", False, {})
    assert (content["selected"], content["threshold_f05"]) == ([], None)
    found, record = _predict(run)
    assert found.empty
    assert record["note"].startswith("not run: too few usable regions (6 in training and validation, ")


def test_the_regression_that_travels_is_lees_by_hand(run, only):
    """Medians for what is missing, z-scores, Welch's selection and a regression without penalty."""
    only(REGRESSION)
    content = _fit(run)
    table = pd.read_csv(run / "features.tsv", sep="\t").set_index("patient")
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").set_index("patient")
    part = pd.read_csv(run / "split.tsv", sep="\t").set_index("patient")["part"]
    usable = table["reason"] != "too small"
    learned = usable & (part != "test")
    label = (cohort["onset_to_mri_min"] < 270)[learned]
    values = table.loc[learned, NAMES].fillna(table.loc[learned, NAMES].median())
    scores = (values - values.mean()) / values.std(ddof=0)
    p = stats.ttest_ind(scores[label], scores[~label], equal_var=False).pvalue
    assert (p < 0.2 / 40).sum() < 5
    kept = sorted(np.argsort(p)[:5])
    assert content["selected"] == [NAMES[number] for number in kept]
    assert {"f0", "f1"} < set(content["selected"])
    numbers = content["regression"]
    assert numbers["inputs"] == content["selected"]
    assert numbers["imputation"] == pytest.approx(table.loc[learned, NAMES].median().iloc[kept].tolist())
    assert numbers["means"] == pytest.approx(values.mean().iloc[kept].tolist())
    assert numbers["scales"] == pytest.approx(values.std(ddof=0).iloc[kept].tolist())
    expected = LogisticRegression(C=np.inf, tol=1e-9, max_iter=10000).fit(scores.iloc[:, kept], label)
    assert numbers["coefficients"] == pytest.approx(expected.coef_[0].tolist(), abs=2e-3)
    found, _ = _predict(run)
    test = found[found["part"] == "test"].set_index("patient")["score"]
    left = table.loc[test.index, NAMES].fillna(table.loc[learned, NAMES].median())
    left = ((left - values.mean()) / values.std(ddof=0)).iloc[:, kept]
    assert test.tolist() == pytest.approx(expected.predict_proba(left)[:, 1].tolist(), abs=1e-3)


def test_features_are_selected_inside_each_fold(only):
    """Of 2,000 features of noise the best five, chosen on all patients, seem to tell the classes."""
    only(REGRESSION)
    rng = np.random.default_rng(5)
    features, label = rng.normal(size=(60, 2000)), rng.permutation(np.arange(60) % 2)
    nobody = np.zeros(60, bool)
    choice = choose_classifier(features, label, held_out=nobody)
    seen = features[:, choice.selected]  # the same five, chosen on the scored patients too
    leaking = choose_classifier(seen, label, held_out=nobody)
    assert roc_auc_score(label, leaking.scores) > 0.8
    assert roc_auc_score(label, choice.scores) < 0.7
    assert choice.candidates[REGRESSION]["auc"] < 0.7


def test_scans_of_a_person_are_scored_by_a_model_that_knows_neither(only):
    """Two equal scans of each of 30 persons, features of noise: who has seen the one knows the other."""
    only("random forest")
    rng = np.random.default_rng(7)
    features = np.repeat(rng.normal(size=(30, 12)), 2, axis=0)
    label = np.repeat(rng.permutation(np.arange(30) % 2), 2)
    nobody, persons = np.zeros(60, bool), np.repeat(np.arange(30), 2).astype(str).tolist()
    assert roc_auc_score(label, choose_classifier(features, label, held_out=nobody).scores) > 0.9
    choice = choose_classifier(features, label, held_out=nobody, persons=persons)
    assert roc_auc_score(label, choice.scores) < 0.8
    assert choice.candidates["random forest"]["auc"] < 0.8


@pytest.mark.parametrize("name", [REGRESSION, "random forest"])
def test_a_patient_counts_for_no_other_score_of_its_fold(only, name):
    """The model that scores a fold knows nobody of it: selection, z-scores and classifier alike."""
    only(name)
    rng = np.random.default_rng(6)
    features, label = rng.normal(size=(40, 12)), np.arange(40) % 2
    first = choose_classifier(features, label, held_out=np.zeros(40, bool)).scores
    changed = features * np.where(np.arange(40) == 3, 5, 1)[:, None]
    again = choose_classifier(changed, label, held_out=np.zeros(40, bool)).scores
    folds = StratifiedKFold(module.FOLDS, shuffle=True, random_state=module.SEED).split(features, label)
    mates = next(scored for _, scored in folds if 3 in scored)
    others = np.setdiff1d(np.arange(40), mates)
    mates = np.setdiff1d(mates, 3)
    assert np.array_equal(first[mates], again[mates])
    assert not np.array_equal(first[others], again[others])


def test_who_is_held_out_chooses_the_settings_and_fits_nothing(monkeypatch):
    """The AUC of the settings is that in the patients held out, by a model of the others alone."""
    pipeline, _ = module._candidates()["RBF SVM"]
    few = {"classifier__C": [0.1, 10.0], "classifier__gamma": [0.01, 1.0]}
    monkeypatch.setattr(module, "_candidates", lambda: {"RBF SVM": (clone(pipeline), few)})
    rng = np.random.default_rng(8)
    label = np.arange(90) % 2
    features = rng.normal(size=(90, 12)) + label[:, None] * np.r_[1, np.zeros(11)]
    held_out = np.arange(90) % 3 == 0
    choice = choose_classifier(features, label, held_out=held_out)
    aucs = {}
    for cost, width in itertools.product(*few.values()):
        model = clone(pipeline).set_params(classifier__C=cost, classifier__gamma=width)
        model.fit(features[~held_out], label[~held_out])
        aucs[cost, width] = roc_auc_score(label[held_out], model.decision_function(features[held_out]))
    best = max(aucs, key=aucs.get)
    found = choice.candidates["RBF SVM"]
    assert found["auc"] == pytest.approx(aucs[best])
    assert (found["settings"]["classifier__C"], found["settings"]["classifier__gamma"]) == best
    assert np.array_equal(choice.scores[held_out], choice.model.predict_proba(features[held_out])[:, 1])
    other = features * np.where(held_out, 1.001, 1)[:, None]
    again = choose_classifier(other, label, held_out=held_out)
    assert again.candidates["RBF SVM"]["settings"] == found["settings"]
    assert np.array_equal(again.scores[~held_out], choice.scores[~held_out])
    assert not np.array_equal(again.scores[held_out], choice.scores[held_out])


def test_a_validation_part_of_one_class_chooses_nothing(run):
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t")
    part = pd.read_csv(run / "split.tsv", sep="\t")["part"]
    cohort.loc[part == "validation", "onset_to_mri_min"] = 100
    cohort.to_csv(run / "cohort.tsv", sep="\t", index=False)
    assert _fit(run, tuning="validation")["chosen"] == ""
    found, record = _predict(run, tuning="validation")
    assert found.empty
    assert "0 of the rarer class to fit on" in record["note"]


@pytest.mark.parametrize("name", [REGRESSION, "random forest"])
def test_the_classifier_can_be_named(run, monkeypatch, name):
    """Both are compared, and the one that is named is fitted."""
    candidates = module._candidates()
    both = {key: candidates[key] for key in (REGRESSION, "random forest")}
    monkeypatch.setattr(module, "_candidates", lambda: both)
    content = _fit(run, classifier=name)
    assert content["chosen"] == name
    assert list(content["candidates"]) == list(both)


def test_lees_settings_are_searched():
    grids = {name: grid for name, (_, grid) in module._candidates().items()}
    assert list(grids) == CLASSIFIERS
    cost, width = (grids["RBF SVM"][f"classifier__{key}"] for key in ("C", "gamma"))
    assert (cost[0], cost[-1], width[0], width[-1]) == (2**-5, 2**15, 2**-15, 2**3)
    assert grids["linear SVM"]["classifier__C"] == cost


def test_the_threshold_has_the_best_f05_in_its_range():
    rng = np.random.default_rng(7)
    for _ in range(20):
        label = rng.integers(0, 2, 30)
        score = np.clip(0.5 + 0.3 * (label - 0.5) + 0.25 * rng.normal(size=30), 0, 1).round(2)
        threshold = choose_f05_threshold(label, score)
        assert 0.2 <= threshold <= 0.8
        found = fbeta_score(label, score >= threshold, beta=0.5, zero_division=0)
        grid = [fbeta_score(label, score >= t, beta=0.5, zero_division=0) for t in np.arange(20, 81) / 100]
        assert found == pytest.approx(max(grid))
