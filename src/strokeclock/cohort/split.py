"""The split of the patients into training, validation and test: made once, the same for every experiment."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import PARTS, read_exclusions, read_parts
from strokeclock.cohort.split_file import check_split_file, name_some
from strokeclock.errors import ConfigurationError
from strokeclock.files import replacing

log = logging.getLogger(__name__)

# Candidate cuts of the time since onset in minutes, finest first: 4.5 h, the last task's label, goes last.
_ONSET_CUTS = ((180, 270), (270,), (180,), ())


def read_cohort(path: str | Path) -> pd.DataFrame:
    """Read cohort.tsv: one row a patient, numbers as numbers, missing values NaN, ``patient`` always text."""
    texts = dict.fromkeys(("patient", "lesion_side", "sex", "site"), str)
    return pd.read_csv(path, sep="\t", dtype=texts, na_values=[""], keep_default_na=False)


def read_split_table(path: str | Path) -> pd.DataFrame:
    """Read split.tsv: columns patient and part, as text, in the file's order; SplitError as `read_parts`."""
    return pd.DataFrame(read_parts(path).items(), columns=["patient", "part"], dtype=str)


def is_labelled(patients: pd.DataFrame) -> pd.Series:
    """Whether each patient has both labels: minutes from onset to MRI and the side of the lesion."""
    return patients["onset_to_mri_min"].notna() & patients["lesion_side"].notna()


def divide_cohort(
    cohort: str | Path,
    split: str | Path,
    *,
    exclusions: str | Path,
    file: str | Path | None = None,
    counts: Sequence[int] | None,
    fractions: Sequence[float] | None,
    seed: int,
) -> None:
    """Write split.tsv: the user's split (`check_split`), else a new one of the patients who remain.

    Parameters
    ----------
    cohort, exclusions : paths
        cohort/cohort.tsv and exclusions.tsv.
    file : path or None
        The user's split.
    counts, fractions, seed
        See `make_split`.
    """
    patients, excluded = read_cohort(cohort), set(read_exclusions(exclusions))
    if file:
        write_split(split, check_split(file, patients=patients, excluded=excluded))
    else:
        remaining = patients[~patients["patient"].isin(excluded)]
        write_split(split, make_split(remaining, counts=counts, fractions=fractions, seed=seed))


def make_split(
    patients: pd.DataFrame,
    *,
    counts: Sequence[int] | None = None,
    fractions: Sequence[float] | None = None,
    seed: int,
) -> pd.DataFrame:
    """Hold out the test set, then divide the rest into training and validation, stratified both times.

    The paper's 272, 68 and 82 of 422 are what two such steps give (arXiv 2011.03350, section 2.1).
    Strata are TSS < 3 h, 3 to 4.5 h and >= 4.5 h, each divided further by field strength and by site where
    these are known and the groups large enough. The order of the rows does not matter.

    Parameters
    ----------
    patients : DataFrame
        Columns patient, onset_to_mri_min (minutes) and lesion_side, optionally field_t and site.
        Patients without both labels get no part.
    counts : three ints, optional
        Patients in training, validation and test; must add up to the labelled patients.
    fractions : three floats, optional
        Used where counts is None.
    seed : int
        Fixes the split.

    Returns
    -------
    DataFrame
        Columns patient and part (train, validation, test), sorted by patient; empty where fewer than three
        patients are labelled and counts is None, or none at all.

    Raises
    ------
    ConfigurationError
        The counts do not fit the patients.
    """
    labelled = patients[is_labelled(patients)].sort_values("patient", ignore_index=True)
    if unlabelled := len(patients) - len(labelled):
        log.info("%d patients without onset or lesion side get no part", unlabelled)
    n = len(labelled)
    if n == 0 or (counts is None and n < len(PARTS)):
        log.warning("%d labelled patients: too few to divide, so no patient has a part", n)
        return pd.DataFrame({"patient": [], "part": []}, dtype=str)
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

    from sklearn.model_selection import train_test_split  # takes half a second: only where a split is made

    strata = _strata(labelled, smallest_part=min(counts))
    _, validation, test = counts
    rest, held_out = train_test_split(np.arange(n), test_size=test, stratify=strata, random_state=seed)
    _, selecting = train_test_split(rest, test_size=validation, stratify=strata[rest], random_state=seed)
    part = np.full(n, "train", dtype=object)
    part[selecting] = "validation"
    part[held_out] = "test"
    split = pd.DataFrame({"patient": labelled["patient"], "part": part})
    assert_no_overlap(split)
    return split


def check_split(path: str | Path, *, patients: pd.DataFrame, excluded: Collection[str] = ()) -> pd.DataFrame:
    """Read the user's split (TSV with columns patient and part) and check it against the cohort.

    Parameters
    ----------
    path : path
        The file (configuration key split.file).
    patients : DataFrame
        The whole cohort, as for `make_split`.
    excluded : collection of str
        Patients excluded since; they lose their part, and the log names them.

    Raises
    ------
    ConfigurationError
        As `check_split_file`.
    """
    left, is_known = set(excluded), is_labelled(patients)
    parts = check_split_file(
        path,
        labelled=set(patients.loc[is_known, "patient"]),
        unlabelled=set(patients.loc[~is_known, "patient"]),
        excluded=left,
    )
    if gone := left & set(parts):
        log.warning("excluded patients lose their part: %s", name_some(gone))
    rows = sorted((patient, part) for patient, part in parts.items() if patient not in left)
    return pd.DataFrame(rows, columns=["patient", "part"], dtype=str)


def write_split(path: str | Path, split: pd.DataFrame) -> None:
    """Write a split as TSV, whole or not at all."""
    assert_no_overlap(split)
    with replacing(path) as beside:
        split.to_csv(beside, sep="\t", index=False)


def assert_no_overlap(split: pd.DataFrame, *, source: str = "The split") -> None:
    """Raise ConfigurationError if a patient is in a split more than once."""
    repeated = split.loc[split["patient"].duplicated(), "patient"]
    if len(repeated):
        raise ConfigurationError(
            f"{source} names patients more than once: {name_some(set(repeated))}; keep one row each."
        )


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
    onset = labelled["onset_to_mri_min"].to_numpy(float)
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
        if column not in labelled or labelled[column].nunique() < 2:
            continue
        finer = strata.copy()
        for _, members in strata.groupby(strata):
            groups = _pooled(labelled.loc[members.index, column], enough)
            if groups.nunique() > 1:
                finer[members.index] += "|" + groups
        if finer.nunique() <= smallest_part:
            if finer.nunique() < strata.nunique() * labelled[column].nunique():
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
    labels = values.astype(str)
    while (sizes := labels.value_counts().sort_index(kind="stable").sort_values(kind="stable")).iloc[
        0
    ] < enough:
        if len(sizes) == 1:
            break
        labels = labels.replace(list(sizes.index[:2]), "+".join(sorted(sizes.index[:2])))
    return labels
