"""The tables cohort.tsv and split.tsv: who the patients are, and who takes part in a task."""

from pathlib import Path

import pandas as pd

from strokeclock.cohort.labels import has_label
from strokeclock.cohort.parts import PARTS, check_persons, read_exclusions, read_parts
from strokeclock.cohort.sheet import TABLE


def read_cohort(path: str | Path) -> pd.DataFrame:
    """Read cohort.tsv: one row a patient, numbers as numbers, missing values NaN, ``patient`` always text."""
    texts = ("patient", "person", "onset_kind", "onset_class", "lesion_side", "sex", "site")
    table = pd.read_csv(
        path, sep="\t", dtype=dict.fromkeys(texts, str), na_values=[""], keep_default_na=False
    )
    return complete(table)


def complete(patients: pd.DataFrame) -> pd.DataFrame:
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
