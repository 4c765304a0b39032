"""Recalibration on the external patients themselves, cross-fitted: what their own calibration would bring.

These scores are no longer those of the frozen model. Each patient's is computed from the other folds' labels;
all scans of a person are in one fold. Only patients with a reading are learned from and recalibrated.
"""

import numpy as np

from strokeclock.cohort.folds import divide_folds
from strokeclock.evaluation.calibration import fit_coefficients
from strokeclock.evaluation.odds import logit

INTERCEPT, LOGISTIC = "recalibrated: intercept", "recalibrated: logistic"
RECALIBRATIONS = (INTERCEPT, LOGISTIC)
FOLDS = 5


def recalibrate(score: np.ndarray, label: np.ndarray, *, person: np.ndarray, kind: str) -> np.ndarray | None:
    """Return recalibrated scores (n,); None where a fold's regression does not converge.

    `INTERCEPT` moves all log odds by one number; `LOGISTIC` multiplies them by another one, too. Folds are
    stratified by label and do not depend on the patients' order.

    Parameters
    ----------
    score, label, person : (n,) probabilities, 0 or 1, and text; of the patients with a reading.
    """
    odds = logit(score)
    # of a person's several labels, the greater
    label_of = {str(name): int(value) for name, value in sorted(zip(person, label, strict=True))}
    folds = divide_folds(list(label_of), list(label_of.values()), folds=FOLDS, seed=0)
    fold_of = {name: number for number, members in enumerate(folds) for name in members}
    fold = np.array([fold_of[name] for name in person])
    ones = np.ones((len(odds), 1))
    design = ones if kind == INTERCEPT else np.column_stack([odds, ones])
    offset = odds if kind == INTERCEPT else np.zeros(len(odds))
    found = np.empty(len(odds))
    for number in range(FOLDS):
        inside = fold == number
        beta = fit_coefficients(design[~inside], offset[~inside], label[~inside].astype(float))
        if beta is None:
            return None
        found[inside] = 1 / (1 + np.exp(-(design[inside] @ beta + offset[inside])))
    return found
