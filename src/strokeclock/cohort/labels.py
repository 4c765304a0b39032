"""Which labels a patient has: whether a hemisphere holds a lesion, and whether its time since onset is short.

The part of a patient says whether it may teach or test. A patient takes part in a task only if it has that
task's label: minutes from onset to MRI give all of them, a class of the onset gives that of 4.5 h alone, and
a patient without an acute lesion has the label of lesion or not alone.
"""

import numpy as np
import pandas as pd

from strokeclock.cohort.onset import CLASS, CLASS_MIN, EARLY, LATE, MINUTES
from strokeclock.cohort.sheet import LESION_SIDES


def has_lesion(patients: pd.DataFrame) -> pd.Series:
    """Whether each patient has a lesion whose side is known (column lesion_side)."""
    return patients["lesion_side"].isin(LESION_SIDES)


def label_time(patients: pd.DataFrame, *, below_min: float) -> pd.Series:
    """Return each patient's label of a time task: 1. where TSS is below so many minutes, else 0.

    NaN where it has no such label: without a lesion of known side, and where neither minutes nor a class of
    the onset tell it.

    Parameters
    ----------
    patients : columns lesion_side, onset_to_mri_min and onset_class (`split.read_cohort`).
    """
    minutes = patients[MINUTES]
    label = (minutes < below_min).astype(float).where(minutes.notna())
    if below_min == CLASS_MIN:
        classes = _classes(patients)
        label = label.fillna((classes == EARLY).astype(float).where(classes.notna()))
    return label.where(has_lesion(patients))


def has_label(patients: pd.DataFrame, *, below_min: float | None) -> pd.Series:
    """Whether each patient has the label of a task; ``below_min`` None: of lesion or not."""
    if below_min is None:
        return patients["lesion_side"].notna()
    return label_time(patients, below_min=below_min).notna()


def has_onset(patients: pd.DataFrame) -> pd.Series:
    """Whether each patient has the label of some time task."""
    return has_lesion(patients) & (patients[MINUTES].notna() | _classes(patients).notna())


def order_by_onset(patients: pd.DataFrame) -> np.ndarray:
    """Return minutes (n,) to order patients by: a class alone counts as a time inside it."""
    inside = _classes(patients).map({EARLY: CLASS_MIN / 2, LATE: 2 * CLASS_MIN})
    return patients[MINUTES].fillna(inside).to_numpy(float)


def _classes(patients: pd.DataFrame) -> pd.Series:
    """The column of classes; all missing where the table has none."""
    return patients[CLASS] if CLASS in patients else pd.Series(np.nan, patients.index)
