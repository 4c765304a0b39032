"""Folds: the training part divided by patient, so that each can be measured by who did not learn from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strokeclock.cohort.parts import SplitError, read_split
from strokeclock.cohort.split import read_cohort


def read_folds(cohort: str | Path, split: str | Path, *, folds: int, seed: int) -> list[list[str]]:
    """Return the patients of each fold of the training part (`divide_folds`).

    Raises
    ------
    SplitError
        The training part has fewer patients than there are folds, or lacks the onset time of one.
    """
    patients = read_split(split)["train"]
    onset = read_cohort(cohort).set_index("patient")["onset_to_mri_min"].reindex(patients)
    if onset.isna().any():
        raise SplitError(
            f"{split}: patient {onset.index[onset.isna()][0]} has no onset time in {cohort}: take the "
            "patient out of the split."
        )
    if len(patients) < folds:
        raise SplitError(
            f"{split}: the train part has {len(patients)} patients for {folds} folds: lower "
            "training.phase0_segmentation.folds."
        )
    return divide_folds(patients, onset.to_list(), folds=folds, seed=seed)


def divide_folds(
    patients: Sequence[str], minutes: Sequence[float], *, folds: int, seed: int
) -> list[list[str]]:
    """Divide patients into folds, stratified on the time since onset.

    Of ``folds`` patients with neighbouring times each goes to another fold, by chance. Sizes differ by one at
    most. The order of the patients does not matter.

    Parameters
    ----------
    patients, minutes : (n,), (n,)
        Identifiers, and minutes from onset to MRI.

    Returns
    -------
    list of lists
        The patients of each fold, sorted.
    """
    generator = np.random.default_rng([seed, folds])
    ordered = [patient for _, patient in sorted(zip(minutes, patients, strict=True))]
    divided: list[list[str]] = [[] for _ in range(folds)]
    for first in range(0, len(ordered), folds):
        block = ordered[first : first + folds]
        for fold, patient in zip(generator.permutation(folds), block, strict=False):
            divided[fold].append(patient)
    return [sorted(fold) for fold in divided]
