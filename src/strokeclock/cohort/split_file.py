"""An existing split that the user names, checked before the first job. Standard library alone."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.cohort.parts import EXTERNAL, PARTS, SplitError, check_persons
from strokeclock.errors import ConfigurationError

_TAUGHT = ("train", "validation")  # the parts that patients of unknown onset may be in


def check_split_file(
    path: str | Path,
    *,
    labelled: Collection[str],
    unlabelled: Collection[str] = (),
    learners: Collection[str] = (),
    excluded: Collection[str] = (),
    persons: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Read and check an existing split (TSV with columns patient and part; configuration key split.file).

    Parameters
    ----------
    labelled, unlabelled : patients of the cohort with and without onset and lesion side.
    learners : those without who may be in the parts train and validation; everyone may be in the part
        external.
    excluded : excluded patients; the split may name them.
    persons : patient -> person.

    Returns
    -------
    patient -> part, excluded patients included.

    Raises
    ------
    ConfigurationError
        A column is missing, a patient unknown, repeated, missing or without labels, a part unknown or
        empty, or a person in two parts. One sentence that names file, patients and remedy.
    """
    header, lines = read_cells(path)
    if missing := [column for column in ("patient", "part") if column not in header]:
        raise ConfigurationError(
            f"{path} lacks the column {', '.join(missing)}: give it the columns patient and part."
        )
    at_patient, at_part = (header.index(column) for column in ("patient", "part"))
    rows = [(line[at_patient].strip(), line[at_part].strip()) for _, line in lines]
    if unknown := sorted({part for _, part in rows} - {*PARTS, EXTERNAL}):
        raise ConfigurationError(
            f"{path} names the part {unknown[0]!r}: use {', '.join((*PARTS, EXTERNAL))}."
        )
    patients = [patient for patient, _ in rows]
    split: dict[str, str] = dict(rows)
    if repeated := [patient for patient, count in Counter(patients).items() if count > 1]:
        raise ConfigurationError(
            f"{path} names patients more than once: {name_some(repeated)}; keep one row each."
        )
    known = {*labelled, *unlabelled, *excluded}
    teaching = {patient for patient, part in rows if part in PARTS}
    allowed = {*excluded, *(patient for patient in learners if split.get(patient) in _TAUGHT)}
    for fault, remedy, names in (
        ("names patients who are not in the cohort", "remove them", set(patients) - known),
        (
            "names patients without onset or lesion side",
            "remove them, or put them into train or validation with training.unknown_onset: true",
            teaching & set(unlabelled) - allowed,
        ),
        ("lacks patients of the cohort", "give each a part", set(labelled) - set(excluded) - set(patients)),
    ):
        if names:
            raise ConfigurationError(
                f"{path} {fault}: {name_some(names)}; {remedy}, or set split.file: null."
            )
    remaining = {part for patient, part in rows if patient not in excluded}
    needed = PARTS if {*labelled} - {*excluded} else _TAUGHT
    if empty := [part for part in needed if part not in remaining]:
        raise ConfigurationError(
            f"{path} leaves the {empty[0]} part empty: give it patients, or set split.file: null."
        )
    try:
        check_persons(split, persons or {}, source=path)
    except SplitError as error:
        raise ConfigurationError(str(error)) from None
    return split


def name_some(names: Iterable[str], *, most: int = 10) -> str:
    """List names in alphabetical order, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
