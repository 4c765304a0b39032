"""The radiomics baseline after Lee et al. 2020: three classifiers on the infarct core's features.

Cross-validation inside the training and validation parts chooses the settings of each classifier, the
classifier and the threshold, from scores of models that were not fitted on the scored patient. The chosen
classifier scores the test part once.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.baselines.patients import read_patients, write_scores
from strokeclock.baselines.radiomics.table import read_features
from strokeclock.baselines.regression import apply_regression, restore_regression, take_numbers
from strokeclock.cohort.parts import PARTS, read_split
from strokeclock.files import write_whole
from strokeclock.fitted import FittedError, describe_fit, digest_units, read_fitted, write_fitted
from strokeclock.predictions import SUBSET, Scorer

log = logging.getLogger(__name__)

KIND, ROW = "classifier", "radiomics"
FOLDS = 5
FEWEST = 10  # usable patients of a class to fit a classifier
NOT_FEATURES = ("region_ml", "reason")
SEED = 0  # of the folds and of the forest
LEARNED = ("train", "validation")
REGRESSION = "logistic regression"  # the classifier whose numbers are written


@dataclass(frozen=True)
class Choice:
    """The result of cross-validation.

    Attributes
    ----------
    candidates : name -> its best mean AUC over the folds, and the settings that gave it.
    chosen : the name of the best.
    scores : (n,) of the patients fitted on, each by a model that was not fitted on this patient's fold.
    model : the chosen classifier, fitted on all of them.
    """

    candidates: dict[str, dict[str, Any]]
    chosen: str
    scores: np.ndarray
    model: Any


class People(NamedTuple):
    """The patients to fit and test a classifier on, and their features.

    Attributes
    ----------
    patients : all patients of the split (`read_patients`).
    usable : the rows of those with a usable region.
    values : (all patients, features), NaN where a feature is not defined.
    """

    patients: pd.DataFrame
    usable: pd.DataFrame
    values: pd.DataFrame

    @property
    def learned(self) -> pd.DataFrame:
        return self.usable[self.usable["part"] != "test"]

    @property
    def test(self) -> pd.DataFrame:
        return self.usable[self.usable["part"] == "test"]

    @property
    def fewest(self) -> int:
        """The number of patients of the rarer class to fit on."""
        return min(int((self.learned["label"] == label).sum()) for label in (0, 1))

    def features(self, rows: pd.DataFrame) -> np.ndarray:
        return self.values.loc[rows.index].to_numpy()


def fit_ml(
    features: Iterable[str | Path],
    fitted: str | Path,
    *,
    cross_validated: str | Path,
    cohort: str | Path,
    split: str | Path,
    phase: str,
    below_min: float,
) -> None:
    """Choose a classifier on the training and validation parts and write it.

    Of a logistic regression the numbers are written. Of the other two, the settings and the digest of the
    features are written: these two are fitted again wherever they are applied.

    Parameters
    ----------
    features : paths
        Tables of `write_features`.
    fitted : path
        fitted/ml/<phase>/radiomics.json; nothing is chosen with fewer than `FEWEST` patients of a class.
    cross_validated : path
        TSV: patient and score of each patient fitted on, by a model that was not fitted on this patient.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    phase, below_min : str, float
        A time task: the label is 1 where TSS is below so many minutes.
    """
    people = _read_people(features, cohort=cohort, split=split, below_min=below_min)
    learned, values = people.learned, people.features(people.learned)
    label = learned["label"].to_numpy()
    fitted_on = describe_fit(list(learned.index), label, values, parts=LEARNED, split=read_split(split))
    content: dict[str, Any] = {
        "row": str(Scorer(SUBSET, phase, ROW)),
        "below_min": below_min,
        "inputs": list(people.values.columns),
        "seed": SEED,
        "candidates": {},
        "chosen": "",
        "travels": False,
        "regression": None,
        "fitted_on": fitted_on,
    }
    lines = ["patient\tscore"]
    if people.fewest >= FEWEST:
        choice = choose_classifier(values, label)
        lines += map("{}\t{!r}".format, learned.index, choice.scores.tolist())
        content |= {"candidates": choice.candidates, "chosen": choice.chosen}
        if choice.chosen == REGRESSION:
            regression = take_numbers(choice.model, inputs=content["inputs"])
            content |= {"travels": True, "regression": asdict(regression)}
    write_whole(cross_validated, "\n".join(lines) + "\n")
    write_fitted(fitted, content, kind=KIND)


def predict_ml(
    fitted: str | Path,
    features: Iterable[str | Path],
    predictions: str | Path,
    *,
    cross_validated: str | Path,
    record: str | Path,
    cohort: str | Path,
    split: str | Path,
    phase: str,
    below_min: float,
) -> None:
    """Write scores of the patients with a usable region by the chosen classifier.

    Parameters
    ----------
    fitted, cross_validated : paths
        What `fit_ml` wrote, for the same task.
    features : paths
        Tables of `write_features`.
    predictions : path
        predictions/ml/<phase>/radiomics/seed-0.tsv; the training and validation parts' scores are the
        cross-validated ones. Only a heading where no classifier was chosen or no patient can be tested.
    record : path
        JSON: numbers of patients and usable ones of each part, the candidates and the chosen one, or in
        ``note`` why there is none.
    cohort, split, phase, below_min
        As of `fit_ml`.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients or features than the present ones.
    """
    row = str(Scorer(SUBSET, phase, ROW))
    content = read_fitted(fitted, kind=KIND, row=row, below_min=below_min, seed=SEED)
    people = _read_people(features, cohort=cohort, split=split, below_min=below_min)
    learned, test = people.learned, people.test
    label, values = learned["label"].to_numpy(), people.features(learned)
    if content["inputs"] != list(people.values.columns) or content["fitted_on"]["sha256"] != digest_units(
        list(learned.index), label, values
    ):
        raise FittedError(
            f"{fitted} was fitted on other patients or features than the present ones: delete it and fit it "
            "anew."
        )
    found: dict[str, Any] = {"parts": {}, "candidates": {}, "chosen": "", "note": ""}
    for part in PARTS:
        members = people.usable[people.usable["part"] == part]
        found["parts"][part] = {
            "patients": int((people.patients["part"] == part).sum()),
            "usable": len(members),
            "positives": int(members["label"].sum()),
        }
    scored = []
    if not content["chosen"] or test.empty:
        found["note"] = (
            f"not run: too few usable regions ({len(learned)} in training and validation, {people.fewest} of "
            f"the rarer class; {len(test)} in test)"
        )
        log.warning(found["note"])
    else:
        found |= {"candidates": content["candidates"], "chosen": content["chosen"]}
        scores = pd.read_csv(cross_validated, sep="\t", dtype=str).set_index("patient")["score"].map(float)
        scored = [
            (learned, scores.loc[learned.index].to_numpy()),
            (test, _apply(content, people.features(test), path=fitted, learned=values, label=label)),
        ]
    write_scores(predictions, scored)
    write_whole(record, json.dumps(found, indent=1) + "\n")


def _read_people(
    features: Iterable[str | Path], *, cohort: str | Path, split: str | Path, below_min: float
) -> People:
    patients = read_patients(cohort, split, below_min=below_min)
    table = read_features(features).reindex(patients.index)
    usable = patients[table["reason"] == ""]
    return People(patients, usable, table.drop(columns=list(NOT_FEATURES)).astype(float))


def _apply(
    content: Mapping[str, Any],
    values: np.ndarray,
    *,
    path: str | Path,
    learned: np.ndarray,
    label: np.ndarray,
) -> np.ndarray:
    """Score (n, features) with the chosen classifier; any but a regression is fitted again on ``learned``."""
    if content["chosen"] == REGRESSION:
        return apply_regression(restore_regression(content, path=path), values)
    pipeline, _ = _candidates()[content["chosen"]]
    pipeline.set_params(**content["candidates"][content["chosen"]]["settings"])
    return pipeline.fit(learned, label).predict_proba(values)[:, 1]


def choose_classifier(features: np.ndarray, label: np.ndarray) -> Choice:
    """Choose settings and classifier by `FOLDS`-fold cross-validation, by the mean AUC of the folds.

    Parameters
    ----------
    features : (n, features)
        NaN where a feature is not defined: it becomes the median of the patients fitted on.
    label : (n,) of 0 and 1
        At least `FOLDS` of each.
    """
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
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
    """Return Lee's three classifiers and the settings to choose from; scaling is fitted in each fold, too."""
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
        REGRESSION: (
            follow(LogisticRegression(max_iter=5000)),
            {"classifier__C": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]},
        ),
        "support vector machine": (  # Platt's sigmoid turns its distance into a probability
            follow(CalibratedClassifierCV(SVC(), ensemble=False)),
            {
                "classifier__estimator__C": [0.1, 1.0, 10.0],
                "classifier__estimator__gamma": [1e-4, 1e-3, 1e-2],
            },
        ),
        "random forest": (
            follow(RandomForestClassifier(200, random_state=SEED)),
            {"classifier__min_samples_leaf": [1, 3, 10]},
        ),
    }
