"""The radiomics baseline after Lee et al. 2020: classifiers of the infarct's features.

The settings of each classifier, the classifier and the thresholds are chosen from scores of models that were
not fitted on the scored patient: z-scores and the selection of features are fitted in each fold,
too. The chosen classifier scores the test part once.
"""

import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.baselines.patients import read_patients, write_scores
from strokeclock.baselines.radiomics.table import read_features
from strokeclock.baselines.regression import Regression, apply_regression, restore_regression
from strokeclock.cohort.parts import PARTS, read_split
from strokeclock.files import write_whole
from strokeclock.fitted import FittedError, describe_fit, digest_units, read_fitted, write_fitted
from strokeclock.predictions import SUBSET, Scorer

log = logging.getLogger(__name__)

KIND, ROW = "classifier", "radiomics"
FOLDS = 5
FEWEST = FOLDS  # usable patients of a class to fit a classifier: one a fold
NOT_FEATURES = ("infarct_ml", "reason")
SEED = 0  # of the folds and of the forest
LEARNED = ("train", "validation")
BEST = "best"  # the classifier with the highest AUC
VALIDATION = "validation"  # tuning: settings are chosen there; otherwise by cross-validation
REGRESSION = "logistic regression"  # the classifier whose numbers are written
TREES = 500
ITERATIONS = 100_000  # at most, of one fit: a linear SVM of a high cost does not end where classes overlap
F_RANGE = (0.2, 0.8)  # of the threshold with the best F0.5


@dataclass(frozen=True)
class Choice:
    """The result of `choose_classifier`.

    Attributes
    ----------
    candidates : name -> its best mean AUC over the folds, or AUC of the validation part, and the settings
        that gave it.
    chosen : the name of the best.
    scores : (n,) of all patients, each by a model that was not fitted on this patient.
    model : the chosen classifier's whole pipeline, fitted on all patients that are not held out; it gives
        probabilities.
    selected : (features,) bool, the features that the model keeps.
    """

    candidates: dict[str, dict[str, Any]]
    chosen: str
    scores: np.ndarray
    model: Any
    selected: np.ndarray


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

    def held_out(self, tuning: str) -> np.ndarray:
        """Of the learned patients, whether no model is fitted on them, (n,) bool."""
        return (self.learned["part"] == "validation").to_numpy() & (tuning == VALIDATION)

    def fewest(self, tuning: str) -> int:
        """The number of patients of the rarer class to fit on; 0 where those held out lack a class."""
        held_out, label = self.held_out(tuning), self.learned["label"].to_numpy()
        if tuning == VALIDATION and len(np.unique(label[held_out])) < 2:
            return 0
        return int(np.bincount(label[~held_out], minlength=2).min())

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
    classifier: str,
    tuning: str,
) -> None:
    """Choose a classifier on the training and validation parts and write it.

    The names of the selected features are written. Of a logistic regression the numbers of these features
    are written: z-scores and coefficients. Of the others, the settings and the digest of the features are
    written: they are fitted again wherever they are applied.

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
    classifier : best, or one of the candidates
        Which is chosen; best: the one with the highest AUC.
    tuning : cross-validation or validation
        How settings are chosen, and the best classifier: by cross-validation in both parts, then fitted on
        both; or on the validation part, fitted on the training part alone.
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
        "classifier": classifier,
        "tuning": tuning,
        "candidates": {},
        "chosen": "",
        "selected": [],
        "threshold_f05": None,
        "travels": False,
        "regression": None,
        "fitted_on": fitted_on,
    }
    lines = ["patient\tscore"]
    if people.fewest(tuning) >= FEWEST:
        choice = choose_classifier(
            values,
            label,
            held_out=people.held_out(tuning),
            persons=learned["person"].to_list(),
            classifier=classifier,
        )
        lines += map("{}\t{!r}".format, learned.index, choice.scores.tolist())
        content |= {
            "candidates": choice.candidates,
            "chosen": choice.chosen,
            "selected": people.values.columns[choice.selected].tolist(),
            "threshold_f05": choose_f05_threshold(label, choice.scores),
        }
        if choice.chosen == REGRESSION:
            regression = _take_regression(choice, inputs=content["selected"])
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
    classifier: str,
    tuning: str,
) -> None:
    """Write scores of the patients with a usable region by the chosen classifier.

    Parameters
    ----------
    fitted, cross_validated : paths
        What `fit_ml` wrote, for the same task.
    features : paths
        Tables of `write_features`.
    predictions : path
        predictions/ml/<phase>/radiomics/seed-0.tsv; the training and validation parts' scores are those of
        ``cross_validated``. Only a heading where no classifier was chosen or no patient can be tested.
    record : path
        JSON: numbers of patients and usable ones of each part, the candidates, the chosen one, its selected
        features and the threshold by F0.5, or in ``note`` why there is none.
    cohort, split, phase, below_min, classifier, tuning
        As of `fit_ml`.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients or features than the present ones.
    """
    row = str(Scorer(SUBSET, phase, ROW))
    content = read_fitted(
        fitted, kind=KIND, row=row, below_min=below_min, classifier=classifier, tuning=tuning, seed=SEED
    )
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
            f"not run: too few usable regions ({len(learned)} in training and validation, "
            f"{people.fewest(tuning)} of the rarer class to fit on; {len(test)} in test)"
        )
        log.warning(found["note"])
    else:
        found |= {key: content[key] for key in ("candidates", "chosen", "selected", "threshold_f05")}
        scores = pd.read_csv(cross_validated, sep="\t", dtype=str).set_index("patient")["score"].map(float)
        scored = [
            (learned, scores.loc[learned.index].to_numpy()),
            (test, _apply(content, people, path=fitted)),
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
    people: People,
    *,
    path: str | Path,
) -> np.ndarray:
    """Score the test patients, (n,); any classifier but a regression is fitted again, on the same ones."""
    if content["chosen"] == REGRESSION:
        regression = restore_regression(content, path=path)
        inputs = list(regression.inputs)
        return apply_regression(regression, people.values.loc[people.test.index, inputs].to_numpy())
    pipeline, _ = _candidates()[content["chosen"]]
    pipeline.set_params(**content["candidates"][content["chosen"]]["settings"])
    model = _give_probabilities(pipeline)
    with _accept_unfinished():
        fitted_on = people.learned[~people.held_out(content["tuning"])]
        model.fit(people.features(fitted_on), fitted_on["label"].to_numpy())
    return model.predict_proba(people.features(people.test))[:, 1]


def choose_classifier(
    features: np.ndarray,
    label: np.ndarray,
    *,
    held_out: np.ndarray,
    persons: Sequence[str] | None = None,
    classifier: str = BEST,
) -> Choice:
    """Choose settings and classifier by AUC: in the patients held out, by models of the others.

    Where none is held out, by the mean AUC of `FOLDS`-fold cross-validation.

    Parameters
    ----------
    features : (n, features)
        NaN where a feature is not defined: it becomes the median of the patients fitted on.
    label : (n,) of 0 and 1
        At least `FOLDS` of each that are not held out.
    held_out : (n,) bool
        Both labels, or none.
    persons : (n,)
        Whose scans they are: all of one person are in one fold. None: each is of another person.
    classifier : best, or one of the candidates
        Which is chosen.
    """
    from sklearn.base import clone
    from sklearn.model_selection import (
        GridSearchCV,
        PredefinedSplit,
        StratifiedGroupKFold,
        StratifiedKFold,
        cross_val_predict,
    )

    groups = None if persons is None or len(set(persons)) == len(persons) else np.array(persons)
    divide = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = divide(FOLDS, shuffle=True, random_state=SEED)
    judged = PredefinedSplit(np.where(held_out, 0, -1)) if held_out.any() else folds
    pipelines = _candidates()
    with _accept_unfinished():
        searches = {
            name: GridSearchCV(pipeline, grid, scoring="roc_auc", cv=judged, refit=False).fit(
                features, label, groups=groups
            )
            for name, (pipeline, grid) in pipelines.items()
        }
    candidates = {
        name: {"auc": float(search.best_score_), "settings": search.best_params_}
        for name, search in searches.items()
    }
    for name, candidate in candidates.items():
        log.info("%s: AUC %.3f with %s", name, candidate["auc"], candidate["settings"])
    best = max(candidates, key=lambda name: candidates[name]["auc"])
    chosen = best if classifier == BEST else classifier
    pipeline = pipelines[chosen][0].set_params(**candidates[chosen]["settings"])
    model = _give_probabilities(clone(pipeline))
    scores = np.empty(len(label))
    inputs, outputs = features[~held_out], label[~held_out]
    with _accept_unfinished():
        scores[~held_out] = cross_val_predict(
            model,
            inputs,
            outputs,
            cv=folds,
            groups=None if groups is None else groups[~held_out],
            method="predict_proba",
        )[:, 1]
        model.fit(inputs, outputs)
        selected = pipeline[:-1].fit(inputs, outputs)["select"].get_support()
    if held_out.any():
        scores[held_out] = model.predict_proba(features[held_out])[:, 1]
    return Choice(candidates, chosen, scores, model, selected)


def choose_f05_threshold(label: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold within `F_RANGE` with the best F0.5, the weighted mean that favours precision.

    Of the observed scores in the range and its ends; at a tie, the lowest.

    Parameters
    ----------
    label, score : (n,) of 0 and 1, and (n,)
        Of the patients fitted on, each scored by a model that was not fitted on this patient.

    Of three calls at .5 two are right, and both positives are called; at .7, one of one and one of two:

    >>> choose_f05_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.5, 0.7]))
    0.7
    """
    low, high = F_RANGE
    choices = np.unique([low, *score[(score >= low) & (score <= high)], high])
    called = score >= choices[:, None]
    right = (called & (label == 1)).sum(axis=1)
    # F0.5 = 1.25 tp / (1.25 tp + .25 fn + fp)
    f05 = 1.25 * right / (0.25 * (label == 1).sum() + called.sum(axis=1))
    return float(choices[np.argmax(f05)])


@contextmanager
def _accept_unfinished() -> Iterator[None]:
    """Say nothing of fits that stop at `ITERATIONS`: cross-validation judges them as they are."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _give_probabilities(pipeline: Any) -> Any:
    """Return the pipeline; around an SVM Platt's sigmoid, fitted on folds of the whole pipeline."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    is_svm = isinstance(pipeline["classifier"], SVC)
    return CalibratedClassifierCV(pipeline, ensemble=False) if is_svm else pipeline


def _take_regression(choice: Choice, *, inputs: Sequence[str]) -> Regression:
    """Return the numbers of a chosen logistic regression, of the selected features alone."""
    steps, kept = choice.model.named_steps, choice.selected
    numbers = {
        "imputation": steps["impute"].statistics_[kept],
        "means": steps["scale"].mean_[kept],
        "scales": steps["scale"].scale_[kept],
        "coefficients": steps["classifier"].coef_[0],
    }
    return Regression(
        inputs=tuple(inputs),
        powers=tuple(tuple(row) for row in np.eye(len(inputs), dtype=int).tolist()),
        intercept=float(steps["classifier"].intercept_[0]),
        **{name: tuple(values.tolist()) for name, values in numbers.items()},
    )


def _candidates() -> dict[str, tuple[Any, dict[str, list]]]:
    """Return Lee's classifiers, each with the steps before it, and the settings to choose from."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from strokeclock.baselines.radiomics.selection import WelchSelection

    def follow(classifier: Any) -> Pipeline:
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        steps = (impute, StandardScaler(), WelchSelection(), classifier)
        return Pipeline([*zip(("impute", "scale", "select", "classifier"), steps, strict=True)])

    costs = [2.0**power for power in range(-5, 16, 2)]
    widths = [2.0**power for power in range(-15, 4, 2)]
    return {
        REGRESSION: (follow(LogisticRegression(C=np.inf, max_iter=ITERATIONS)), {}),  # without penalty
        "linear SVM": (
            follow(SVC(kernel="linear", max_iter=ITERATIONS)),
            {"classifier__C": costs},
        ),
        "RBF SVM": (
            follow(SVC(max_iter=ITERATIONS)),
            {"classifier__C": costs, "classifier__gamma": widths},
        ),
        "random forest": (follow(RandomForestClassifier(TREES, random_state=SEED)), {}),
    }
