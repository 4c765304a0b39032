"""The split of the patients into training, validation and test: made once, the same for every experiment.

The unit is the person: all scans of one lie in one part.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.external import find_external
from strokeclock.cohort.labels import has_label, has_lesion, has_onset, order_by_onset
from strokeclock.cohort.parts import EXTERNAL, PARTS, SplitError, check_persons, read_exclusions, read_parts
from strokeclock.cohort.sheet import TABLE
from strokeclock.cohort.split_file import check_split_file, name_some
from strokeclock.errors import ConfigurationError

log = logging.getLogger(__name__)

BEFORE = "split.before.tsv"  # beside split.tsv: the earlier split, where patients have another part now

# Candidate cuts of the time since onset in minutes, finest first: 4.5 h, the last task's label, goes last.
_ONSET_CUTS = ((180, 270), (270,), (180,), ())


def read_cohort(path: str | Path) -> pd.DataFrame:
    """Read cohort.tsv: one row a patient, numbers as numbers, missing values NaN, ``patient`` always text."""
    texts = ("patient", "person", "onset_kind", "onset_class", "lesion_side", "sex", "site")
    table = pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(texts, str), na_values=[""], keep_default_na=False
    )
    return _complete(table)


def _complete(patients: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of cohort.tsv that are not there; the person is the patient where nothing is known."""
    patients = patients.reindex(columns=[*patients, *(name for name in TABLE if name not in patients)])
    return patients.assign(person=patients["person"].astype(object).fillna(patients["patient"]))


def read_split_table(path: str | Path) -> pd.DataFrame:
    """Read split.tsv: columns patient and part, as text, in the file's order; SplitError as `read_parts`."""
    return pd.DataFrame(read_parts(path).items(), columns=["patient", "part"], dtype=str)


def persons_of(patients: pd.DataFrame) -> dict[str, str]:
    """Return patient -> person, of the rows of `read_cohort` indexed by patient."""
    return dict(zip(patients.index, patients["person"], strict=True))


def read_members(
    cohort: str | Path, split: str | Path, *, below_min: float | None
) -> dict[str, pd.DataFrame]:
    """Read who takes part in a task: each of `PARTS` -> the rows of its patients who have the task's label.

    Parameters
    ----------
    below_min : the label of a time task is 1 where TSS is below so many minutes; None: of lesion or not.

    Returns
    -------
    part -> the columns of `read_cohort`, indexed by patient, in the split's order.

    Raises
    ------
    SplitError
        Scans of one person are in several parts, or as `read_parts`.
    """
    rows, parts = read_cohort(cohort).set_index("patient"), read_parts(split)
    check_persons(parts, persons_of(rows), source=split)
    members = {name: [patient for patient, part in parts.items() if part == name] for name in PARTS}
    found = {name: rows.reindex(patients) for name, patients in members.items()}
    return {name: part[has_label(part, below_min=below_min)] for name, part in found.items()}


def read_undivided(cohort: str | Path, split: str | Path, *, exclusions: str | Path) -> pd.DataFrame:
    """Read the patients in no part from whom nothing was learned or chosen, and whose side is known.

    The excluded ones are left out, and so is a scan of a person who has another scan in train or validation.

    Returns
    -------
    The columns of `read_cohort`, indexed by patient, sorted. lesion_side may be none.
    """
    rows, parts = read_cohort(cohort).set_index("patient").sort_index(), read_parts(split)
    person_of = persons_of(rows)
    taught = {person_of[patient] for patient, part in parts.items() if part in ("train", "validation")}
    elsewhere = rows.index.isin([*parts, *read_exclusions(exclusions)]) | rows["person"].isin(taught)
    return rows[~elsewhere & has_label(rows, below_min=None)]


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
    patients = _complete(patients)
    texts = patients.astype(object).where(patients.notna(), "").astype(str)
    rows = [dict(zip(texts.columns, row, strict=True)) for row in texts.itertuples(index=False, name=None)]
    far = find_external(rows, external or {})
    inside = patients[~patients["patient"].isin(far)]
    known = inside[has_onset(inside)].sort_values("patient", ignore_index=True)
    parts = dict.fromkeys(far, EXTERNAL) | _divide(known, counts=counts, fractions=fractions, seed=seed)
    others = inside[~inside["patient"].isin(known["patient"])]
    if unknown_onset and parts.keys() - far:
        parts |= dict.fromkeys(_choose_learners(others, known, parts), "train")
    elif unknown_onset:
        learners = inside[has_label(inside, below_min=None)].sort_values("patient")
        parts |= _divide_learners(learners, fractions=fractions, seed=seed)
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


def _divide_learners(
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


def _divide(
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
    patients = _complete(patients)
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
