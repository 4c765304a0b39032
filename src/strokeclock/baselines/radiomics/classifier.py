"""The radiomics baseline after Lee et al. 2020: three classifiers on the infarct core's features.

Everything is chosen by cross-validation inside the training and validation parts: a classifier's settings,
which classifier, and the threshold, on scores that each of these patients got from a model that had not seen
them. The test part is scored once, by the chosen one.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.baselines.patients import read_patients, write_scores
from strokeclock.baselines.radiomics.table import read_features
from strokeclock.cohort.split import PARTS
from strokeclock.files import write_whole

log = logging.getLogger(__name__)

FOLDS = 5
FEWEST = 10  # usable patients of a class from whom a classifier is learned
NOT_FEATURES = ("region_ml", "reason")


@dataclass(frozen=True)
class Choice:
    """What cross-validation found.

    Attributes
    ----------
    candidates : name -> its best mean AUC over the folds, and the settings that gave it.
    chosen : the name of the best.
    scores : (n,) of the patients learned from, each by a model that had not seen this patient's fold.
    model : the chosen one, fitted to all of them.
    """

    candidates: dict[str, dict[str, Any]]
    chosen: str
    scores: np.ndarray
    model: Any


def predict_ml(
    features: Iterable[str | Path],
    output: str | Path,
    *,
    record: str | Path,
    cohort: str | Path,
    split: str | Path,
    below_min: float,
) -> None:
    """Choose a classifier, and write scores of the patients with a usable region.

    Parameters
    ----------
    features : paths
        Lots of `write_features`.
    output : path
        predictions/ml/<phase>/radiomics/seed-0.tsv; the training and validation parts' scores are the
        cross-validated ones. A heading alone where fewer than `FEWEST` patients of a class can be learned
        from, or nobody be tested.
    record : path
        JSON: patients and usable ones of each part, the candidates, the chosen one; note says why there is
        none.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    below_min : float
        The label is 1 where TSS is below so many minutes.
    """
    patients = read_patients(cohort, split, below_min=below_min)
    table = read_features(features).reindex(patients.index)
    usable = patients[table["reason"] == ""]
    values = table.drop(columns=list(NOT_FEATURES)).astype(float)
    found: dict[str, Any] = {"parts": {}, "candidates": {}, "chosen": "", "note": ""}
    for part in PARTS:
        members = usable[usable["part"] == part]
        found["parts"][part] = {
            "patients": int((patients["part"] == part).sum()),
            "usable": len(members),
            "positives": int(members["label"].sum()),
        }
    learned, test = usable[usable["part"] != "test"], usable[usable["part"] == "test"]
    fewest = min((learned["label"] == label).sum() for label in (0, 1))
    scored = []
    if fewest < FEWEST or test.empty:
        found["note"] = (
            f"not run: too few usable regions ({len(learned)} in training and validation, {fewest} of the "
            f"rarer class; {len(test)} in test)"
        )
        log.warning(found["note"])
    else:
        assert not set(learned.index) & set(test.index)
        choice = choose_classifier(values.loc[learned.index].to_numpy(), learned["label"].to_numpy())
        found |= {"candidates": choice.candidates, "chosen": choice.chosen}
        scored = [
            (learned, choice.scores),
            (test, choice.model.predict_proba(values.loc[test.index].to_numpy())[:, 1]),
        ]
    write_scores(output, scored)
    write_whole(record, json.dumps(found, indent=1) + "\n")


def choose_classifier(features: np.ndarray, label: np.ndarray) -> Choice:
    """Choose settings and classifier by `FOLDS`-fold cross-validation, by the mean AUC of the folds.

    Parameters
    ----------
    features : (n, features)
        NaN where a feature is not defined: it becomes the median of the patients learned from.
    label : (n,) of 0 and 1
        At least `FOLDS` of each.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    searches = {
        name: GridSearchCV(pipeline, grid, scoring="roc_auc", cv=folds).fit(features, label)
        for name, (pipeline, grid) in _candidates().items()
    }
    candidates = {
        name: {"auc": float(search.best_score_), "settings": search.best_params_}
        for name, search in searches.items()
    }
    for name, candidate in candidates.items():
        log.info("%s: cross-validated AUC %.3f with %s", name, candidate["auc"], candidate["settings"])
    chosen = max(candidates, key=lambda name: candidates[name]["auc"])
    model = searches[chosen].best_estimator_
    scores = cross_val_predict(model, features, label, cv=folds, method="predict_proba")[:, 1]
    return Choice(candidates, chosen, scores, model)


def _candidates() -> dict[str, tuple[Any, dict[str, list]]]:
    """Lee's three classifiers and the settings to choose from; scaling is learned with them, in each fold."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    def follow(classifier: Any) -> Pipeline:
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        return Pipeline([("impute", impute), ("scale", StandardScaler()), ("classifier", classifier)])

    return {
        "logistic regression": (
            follow(LogisticRegression(max_iter=5000)),
            {"classifier__C": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]},
        ),
        "support vector machine": (  # Platt's sigmoid makes a probability of its distance
            follow(CalibratedClassifierCV(SVC(), ensemble=False)),
            {
                "classifier__estimator__C": [0.1, 1.0, 10.0],
                "classifier__estimator__gamma": [1e-4, 1e-3, 1e-2],
            },
        ),
        "random forest": (
            follow(RandomForestClassifier(200, random_state=0)),
            {"classifier__min_samples_leaf": [1, 3, 10]},
        ),
    }
