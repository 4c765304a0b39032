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
    needed: Collection[str],
    unlabelled: Collection[str] = (),
    learners: Collection[str] = (),
    excluded: Collection[str] = (),
    persons: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Read and check an existing split (TSV with columns patient and part; configuration key split.file).

    Parameters
    ----------
    labelled, unlabelled : patients of the cohort with and without onset and lesion side.
    needed : patients who must have a part; none before the checks, which may still exclude patients.
    learners : those without who may be in the parts train and validation; everyone may be in the part
        external.
    excluded : excluded patients; the split may name them, and what it says of them does not count.
    persons : patient -> person.

    Returns
    -------
    patient -> part, excluded patients included.

    Raises
    ------
    ConfigurationError
        A column is missing, a patient unknown, repeated, missing or without labels, a part unknown or
        empty, or a person in two parts. One sentence that names file, patients and remedy. The test part may
        be empty where `split.make_split` leaves it empty.
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
        ("lacks patients of the cohort", "give each a part", set(needed) - set(patients)),
    ):
        if names:
            raise ConfigurationError(
                f"{path} {fault}: {name_some(names)}; {remedy}, or set split.file: null."
            )
    persons, remaining = persons or {}, {one: split[one] for one in patients if one not in excluded}
    divided = {persons.get(one, one) for one in {*labelled} & {*remaining} if remaining[one] in PARTS}
    is_tested = len(divided) >= len(PARTS) or bool({*labelled} - {*excluded} and not learners)
    if empty := [part for part in (PARTS if is_tested else _TAUGHT) if part not in remaining.values()]:
        raise ConfigurationError(
            f"{path} leaves the {empty[0]} part empty: give it patients, or set split.file: null."
        )
    try:
        check_persons(remaining, persons, source=path)
    except SplitError as error:
        raise ConfigurationError(str(error)) from None
    return split


def name_some(names: Iterable[str], *, most: int = 10) -> str:
    """List names in alphabetical order, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
