"""How the patients of a split are divided: persons at random, in strata of time, field strength and site."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from strokeclock.cohort.labels import has_lesion, order_by_onset
from strokeclock.cohort.parts import PARTS
from strokeclock.errors import ConfigurationError

log = logging.getLogger(__name__)

# Candidate cuts of the time since onset in minutes, finest first: 4.5 h, the last task's label, goes last.
_ONSET_CUTS = ((180, 270), (270,), (180,), ())


def divide_known(
    known: pd.DataFrame, *, counts: Sequence[int] | None, fractions: Sequence[float] | None, seed: int
) -> dict[str, str]:
    """Divide the patients of known onset, sorted by patient: patient -> train, validation or test."""
    n = len(known)
    persons = known.groupby("person", sort=False)["patient"].agg(list)
    if n == 0 or (counts is None and len(persons) < len(PARTS)):
        log.warning("%d labelled patients: too few to divide, so none is in training, validation or test", n)
        return {}
    if counts is None:
        if fractions is None:
            raise ConfigurationError("A split needs split.counts or split.fractions: give one of them.")
        counts = _counts(n, fractions)
    elif sum(counts) != n or min(counts) < 1:
        raise ConfigurationError(
            f"Configuration key split.counts is {list(counts)}, together {sum(counts)}, but n = {n} labelled "
            "patients remain: correct the counts (each at least 1), or set split.counts: null to use "
            "split.fractions."
        )
    if len(persons) < len(PARTS):
        raise ConfigurationError(
            f"The {n} labelled patients are scans of {len(persons)} persons, and each of the {len(PARTS)} "
            "parts needs one: add persons."
        )

    from sklearn.model_selection import train_test_split  # takes half a second: only where a split is made

    first = known[~known["person"].duplicated()].reset_index(drop=True)  # of the persons, in their order
    sizes = persons.map(len).to_numpy()
    validation, test = (max(1, round(count * len(persons) / n)) for count in counts[1:])
    strata = _strata(first, smallest_part=min(len(persons) - validation - test, validation, test))
    numbers = np.arange(len(persons))
    rest, held_out = train_test_split(numbers, test_size=test, stratify=strata, random_state=seed)
    _, selecting = train_test_split(rest, test_size=validation, stratify=strata[rest], random_state=seed)
    part = np.zeros(len(persons), int)
    part[selecting], part[held_out] = 1, 2
    if len(persons) < n:
        _approach(part, sizes, counts)
        found = [int(sizes[part == number].sum()) for number in range(len(PARTS))]
        log.info(
            "%d scans of %d persons: the parts have %s scans, wanted were %s",
            n,
            len(persons),
            found,
            [*counts],
        )
    return {
        patient: PARTS[number] for number, patients in zip(part, persons, strict=True) for patient in patients
    }


def divide_learners(
    learners: pd.DataFrame, *, fractions: Sequence[float] | None, seed: int
) -> dict[str, str]:
    """Divide patients from whom no time is learned, sorted by patient: patient -> train or validation.

    Persons are divided in the ratio of the first two fractions, those with a lesion and those without
    separately; without fractions one in five validates, as in the paper. None has a part where fewer than two
    persons have a lesion.
    """
    persons = learners.assign(lesion=has_lesion(learners)).groupby("person", sort=False)["lesion"].any()
    if persons.sum() < 2:
        log.warning("%d patients may teach: too few to divide into training and validation", len(learners))
        return {}
    share = fractions[1] / (fractions[0] + fractions[1]) if fractions else 0.2
    random = np.random.default_rng(seed)
    validating: set[str] = set()
    for group in (persons.index[persons], persons.index[~persons]):
        most = max(0, len(group) - 1)
        validating |= {*random.permutation(group)[: min(max(1, round(share * len(group))), most)]}
    parts = np.where(learners["person"].isin(validating), "validation", "train")
    log.info(
        "no time can be learned: %d of %d patients are in the validation part, and none in the test part",
        (parts == "validation").sum(),
        len(parts),
    )
    return dict(zip(learners["patient"], parts.tolist(), strict=True))


def _approach(part: np.ndarray, sizes: np.ndarray, counts: Sequence[int]) -> None:
    """Move persons between parts, or exchange them, as long as the parts come nearer to the counts.

    Parameters
    ----------
    part : (n,) the number of each person's part; changed in place. No part becomes empty.
    sizes : (n,) scans of each person.
    counts : scans wanted in each part.
    """

    def distance() -> int:
        return sum(abs(int(sizes[part == number].sum()) - count) for number, count in enumerate(counts))

    nothing = -1
    while True:
        best, change = distance(), None
        for one in range(len(counts)):
            for other in range(len(counts)):
                # of persons of one size any does: the last, so that the first in the order stay
                movable = {int(sizes[person]): int(person) for person in np.flatnonzero(part == one)}
                against = {0: nothing} | {int(sizes[p]): int(p) for p in np.flatnonzero(part == other)}
                for person in movable.values():
                    for back in against.values():
                        if one == other or (back == nothing and (part == one).sum() == 1):
                            continue
                        before = part.copy()
                        part[person] = other
                        if back != nothing:
                            part[back] = one
                        if (now := distance()) < best:
                            best, change = now, part.copy()
                        part[:] = before
        if change is None:
            return
        part[:] = change


def _counts(n: int, fractions: Sequence[float]) -> tuple[int, int, int]:
    """Whole patients nearest to the fractions; at least one in every part."""
    validation, test = (max(1, round(n * fraction)) for fraction in fractions[1:])
    if validation + test >= n:
        raise ConfigurationError(
            f"Configuration key split.fractions is {list(fractions)}, which leaves none of {n} patients "
            "for training: lower its second and third number."
        )
    return n - validation - test, validation, test


def _strata(labelled: pd.DataFrame, *, smallest_part: int) -> np.ndarray:
    """One label a patient: by time since onset, and by field strength and site where groups stay large."""
    onset = order_by_onset(labelled)
    for cuts in _ONSET_CUTS:
        strata = pd.Series(np.digitize(onset, cuts)).astype(str)
        sizes = strata.value_counts()
        # one member for each part, and no more strata than patients in the smallest part
        if not cuts or (sizes.min() >= len(PARTS) and len(sizes) <= smallest_part):
            break
    if len(cuts) < len(_ONSET_CUTS[0]):
        log.warning("few patients: stratified on the time since onset at %s min only", list(cuts) or "no")

    enough = int(np.ceil(len(labelled) / smallest_part))  # each group then reaches the smallest part
    for column in ("field_t", "site"):
        if column not in labelled or labelled[column].nunique(dropna=False) < 2:
            continue
        finer = strata.copy()
        for _, members in strata.groupby(strata):
            groups = _pooled(labelled.loc[members.index, column], enough)
            if groups.nunique() > 1:
                finer[members.index] += "|" + groups
        if finer.nunique() <= smallest_part:
            if finer.nunique() < strata.nunique() * labelled[column].nunique(dropna=False):
                log.info("strata by %s: groups under %d patients are pooled", column, enough)
            strata = finer
        else:
            log.info("not stratified by %s: too many groups", column)
    log.info(
        "strata: %s",
        ", ".join(f"{name}: {size}" for name, size in strata.value_counts().sort_index().items()),
    )
    return strata.to_numpy()


def _pooled(values: pd.Series, enough: int) -> pd.Series:
    """Labels of one nominal column, the smallest groups pooled until each has ``enough`` members."""
    labels = values.astype(object).where(values.notna(), "not given").astype(str)
    while (sizes := labels.value_counts().sort_index(kind="stable").sort_values(kind="stable")).iloc[
        0
    ] < enough:
        if len(sizes) == 1:
            break
        labels = labels.replace(list(sizes.index[:2]), "+".join(sorted(sizes.index[:2])))
    return labels
