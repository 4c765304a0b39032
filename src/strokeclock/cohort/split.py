"""The split of the patients into training, validation and test: made once, the same for every experiment.

The unit is the person: all scans of one lie in one part.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.division import divide_known, divide_learners
from strokeclock.cohort.external import find_external
from strokeclock.cohort.labels import has_label, has_onset
from strokeclock.cohort.parts import EXTERNAL, SplitError, check_persons, read_exclusions, read_parts
from strokeclock.cohort.split_file import check_split_file, name_some
from strokeclock.cohort.tables import complete, read_cohort
from strokeclock.errors import ConfigurationError

log = logging.getLogger(__name__)

BEFORE = "split.before.tsv"  # beside split.tsv: the earlier split, where patients have another part now


def divide_cohort(
    cohort: str | Path,
    split: str | Path,
    *,
    exclusions: str | Path,
    file: str | Path | None = None,
    counts: Sequence[int] | None,
    fractions: Sequence[float] | None,
    seed: int,
    external: Mapping[str, Collection[str]] | None = None,
    unknown_onset: bool = False,
) -> None:
    """Write split.tsv: the user's split (`check_split`), else a new one of the patients who remain.

    Parameters
    ----------
    cohort, exclusions : paths
        cohort/cohort.tsv and exclusions.tsv.
    file : path or None
        The user's split.
    counts, fractions, seed, external, unknown_onset
        See `make_split`.
    """
    patients, excluded = read_cohort(cohort), set(read_exclusions(exclusions))
    if file:
        made = check_split(file, patients=patients, excluded=excluded, unknown_onset=unknown_onset)
    else:
        remaining = patients[~patients["patient"].isin(excluded)]
        made = make_split(
            remaining,
            counts=counts,
            fractions=fractions,
            seed=seed,
            external=external,
            unknown_onset=unknown_onset,
        )
    check_persons(
        dict(made.itertuples(index=False)), dict(patients[["patient", "person"]].to_numpy()), source=split
    )
    before = None if file else _keep_earlier(Path(split), dict(made.itertuples(index=False)))
    write_split(split, made, before=before)


def _keep_earlier(split: Path, parts: Mapping[str, str]) -> Path | None:
    """Say where to keep an earlier split that gave patients another part, and warn; None without one."""
    try:
        earlier = read_parts(split) if split.is_file() else {}
    except SplitError:  # a damaged one is replaced
        return None
    moved = [patient for patient in earlier.keys() & parts.keys() if earlier[patient] != parts[patient]]
    if not moved:
        return None
    before = split.with_name(BEFORE)
    log.warning(
        "%d of %d patients now have another part than before, so that everything is trained and tested "
        "anew: %s; to keep the parts, copy %s, give the copy a line for each new patient, name it in "
        "split.file, and run again (docs/start/cohort.md)",
        len(moved),
        len(earlier),
        name_some(moved),
        before,
    )
    return before


def make_split(
    patients: pd.DataFrame,
    *,
    counts: Sequence[int] | None = None,
    fractions: Sequence[float] | None = None,
    seed: int,
    external: Mapping[str, Collection[str]] | None = None,
    unknown_onset: bool = False,
) -> pd.DataFrame:
    """Hold out the test set, then divide the rest into training and validation, stratified both times.

    The paper's 272, 68 and 82 of 422 are what two such steps give (arXiv 2011.03350, section 2.1).
    Strata are TSS < 3 h, 3 to 4.5 h and >= 4.5 h, each divided further by field strength and by site where
    these are known and the groups large enough. The order of the rows does not matter. Where a person has
    several scans, persons are divided, by their first scan; the parts come as near the counts as possible.

    Parameters
    ----------
    patients : DataFrame
        As of `read_cohort`.
    counts : three ints, optional
        Patients in training, validation and test; must add up to those whose onset is known.
    fractions : three floats, optional
        Used where counts is None.
    seed : int
        Fixes the split.
    external : mapping of column -> values
        Patients with one of them are in the part external (`find_external`), and in no other.
    unknown_onset : bool
        Patients of unknown onset whose lesion's side is known, and those without a lesion, are in the part
        train; where fewer than three persons have a known onset, everyone whose lesion's side is known, or
        who has none, is divided into train and validation. If false, they have no part.

    Returns
    -------
    DataFrame
        Columns patient and part (train, validation, test, external), sorted by patient; nobody is in test
        where fewer than three persons have a known onset and counts is None, or none at all.

    Raises
    ------
    ConfigurationError
        The counts do not fit the patients, or ``external`` fits none.
    """
    patients = complete(patients)
    texts = patients.astype(object).where(patients.notna(), "").astype(str)
    rows = [dict(zip(texts.columns, row, strict=True)) for row in texts.itertuples(index=False, name=None)]
    far = find_external(rows, external or {})
    inside = patients[~patients["patient"].isin(far)]
    known = inside[has_onset(inside)].sort_values("patient", ignore_index=True)
    parts = dict.fromkeys(far, EXTERNAL) | divide_known(known, counts=counts, fractions=fractions, seed=seed)
    others = inside[~inside["patient"].isin(known["patient"])]
    if unknown_onset and parts.keys() - far:
        parts |= dict.fromkeys(_choose_learners(others, known, parts), "train")
    elif unknown_onset:
        learners = inside[has_label(inside, below_min=None)].sort_values("patient")
        parts |= divide_learners(learners, fractions=fractions, seed=seed)
    if left := len(patients) - len(parts):
        log.info("%d patients without onset or lesion side get no part", left)
    split = pd.DataFrame(sorted(parts.items()), columns=["patient", "part"], dtype=str)
    assert_no_overlap(split)
    return split


def _choose_learners(others: pd.DataFrame, known: pd.DataFrame, parts: Mapping[str, str]) -> list[str]:
    """Name the patients of unknown onset, and without a lesion, who may teach.

    None is a scan of a person who has another scan in the validation or test part.
    """
    elsewhere = {
        person
        for patient, person in known[["patient", "person"]].itertuples(index=False)
        if parts.get(patient, "train") != "train"
    }
    sided = others[has_label(others, below_min=None)]
    learners = sided[~sided["person"].isin(elsewhere)]
    if len(learners) < len(sided):
        log.info(
            "%d scans of unknown onset get no part: their persons are in validation or test",
            len(sided) - len(learners),
        )
    log.info("%d patients of unknown onset, or without a lesion, are in the train part", len(learners))
    return learners["patient"].to_list()


def check_split(
    path: str | Path,
    *,
    patients: pd.DataFrame,
    excluded: Collection[str] = (),
    unknown_onset: bool = False,
) -> pd.DataFrame:
    """Read the user's split (TSV with columns patient and part) and check it against the cohort.

    Patients of unknown onset who teach and whom it does not name are added to the part train. It may leave
    the test part empty where nobody's onset is known.

    Parameters
    ----------
    path : path
        The file (configuration key split.file).
    patients : DataFrame
        The whole cohort, as for `make_split`.
    excluded : collection of str
        Patients excluded since; they lose their part, and the log names them.
    unknown_onset : bool
        As of `make_split`.

    Raises
    ------
    ConfigurationError
        As `check_split_file`.
    """
    patients = complete(patients)
    left, is_known = set(excluded), has_onset(patients)
    known, others = patients[is_known], patients[~is_known]
    sided = others[has_label(others, below_min=None)]
    unsided = set(others["patient"]) - set(sided["patient"])
    parts = check_split_file(
        path,
        labelled=set(known["patient"]),
        needed=set(known["patient"]) - left,
        unlabelled=set(sided["patient"]),
        learners=set(sided["patient"]) if unknown_onset else (),
        excluded=left | unsided,
        persons=dict(patients[["patient", "person"]].to_numpy()),
    )
    if gone := (left | unsided) & {patient for patient, part in parts.items() if part != EXTERNAL}:
        log.warning(
            "patients who are excluded or whose lesion's side is unknown have no part: %s", name_some(gone)
        )
    parts = {
        patient: part
        for patient, part in parts.items()
        if patient not in left and (patient not in unsided or part == EXTERNAL)
    }
    if unknown_onset:
        rest = sided[~sided["patient"].isin({*parts, *left})]
        elsewhere = {patient: part for patient, part in parts.items() if part != "train"}
        persons = set(patients.loc[patients["patient"].isin(elsewhere), "person"])
        parts |= dict.fromkeys(rest.loc[~rest["person"].isin(persons), "patient"], "train")
    return pd.DataFrame(sorted(parts.items()), columns=["patient", "part"], dtype=str)


def write_split(path: str | Path, split: pd.DataFrame, *, before: Path | None = None) -> None:
    """Write a split as TSV, whole or not at all; ``before`` as of `files.write_whole`."""
    assert_no_overlap(split)
    write_cells(path, [*split.columns], split.itertuples(index=False), before=before)


def assert_no_overlap(split: pd.DataFrame, *, source: str = "The split") -> None:
    """Raise ConfigurationError if a patient is in a split more than once."""
    repeated = split.loc[split["patient"].duplicated(), "patient"]
    if len(repeated):
        raise ConfigurationError(
            f"{source} names patients more than once: {name_some(set(repeated))}; keep one row each."
        )
