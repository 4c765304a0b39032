"""Folds: the training part divided by patient, so that each can be measured by who did not learn from it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strokeclock.cohort.labels import has_onset, order_by_onset
from strokeclock.cohort.parts import SplitError
from strokeclock.cohort.tables import read_members


def read_folds(cohort: str | Path, split: str | Path, *, folds: int, seed: int) -> list[list[str]]:
    """Return the patients of each fold of the training part (`divide_folds`).

    Only patients of known onset are in a fold: time is read from nobody else. All scans of one person are in
    one fold.

    Raises
    ------
    SplitError
        The training part has fewer persons of known onset than there are folds.
    """
    training = read_members(cohort, split, below_min=None)["train"]
    known = training[has_onset(training)]
    scans = {person: list(group.index) for person, group in known.groupby("person", sort=False)}
    if len(scans) < folds:
        raise SplitError(
            f"{split}: the train part has {len(scans)} patients of known onset for {folds} folds: lower "
            "training.phase0_segmentation.folds."
        )
    first = known[~known["person"].duplicated()]
    order = dict(zip(first["person"], order_by_onset(first).tolist(), strict=True))
    divided = divide_folds(list(order), list(order.values()), folds=folds, seed=seed)
    return [sorted(patient for person in fold for patient in scans[person]) for fold in divided]


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
