"""Read the parts (split.tsv) and the exclusions (exclusions.tsv). Standard library alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from strokeclock.cohort.cells import read_columns
from strokeclock.errors import StrokeclockError

PARTS = ("train", "validation", "test")
EXTERNAL = "external"  # the part that teaches nothing and is no part of the test: another hospital's cohort


class SplitError(StrokeclockError):
    """The split cannot be used: a patient in two parts, an empty part, or a part of one class."""


def read_parts(path: str | Path) -> dict[str, str]:
    """Read split.tsv: patient -> part, in the file's order.

    Raises
    ------
    SplitError
        A patient is in it twice, a part is unknown, or the file is damaged.
    """
    parts: dict[str, str] = {}
    for patient, part in read_columns(path, "patient", "part", error=SplitError):
        if patient in parts:
            raise SplitError(f"{path}: patient {patient} is in the split twice: keep one line a patient.")
        parts[patient] = part
    if unknown := sorted(set(parts.values()) - {*PARTS, EXTERNAL}):
        raise SplitError(f"{path}: part {unknown[0]!r} is unknown: use {', '.join((*PARTS, EXTERNAL))}.")
    return parts


def read_split(path: str | Path) -> dict[str, list[str]]:
    """Read split.tsv: each of `PARTS` -> its patients; SplitError as of `read_parts`.

    Patients of the part `EXTERNAL` are left out.
    """
    parts = read_parts(path)
    return {name: [patient for patient, part in parts.items() if part == name] for name in PARTS}


def read_exclusions(path: str | Path) -> dict[str, str]:
    """Read exclusions.tsv: patient -> the stage of the exclusion."""
    rows = read_columns(path, "patient", "stage", error=StrokeclockError)
    return {patient: stage for patient, stage in rows}


def read_reasons(path: str | Path) -> dict[str, str]:
    """Read exclusions.tsv: patient -> why they are excluded."""
    return {
        patient: reason for patient, reason in read_columns(path, "patient", "reason", error=StrokeclockError)
    }


def check_not_external(patients: Iterable[str], parts: Mapping[str, str], *, what: str) -> None:
    """Assert that the external cohort teaches nothing. Called wherever something is learned or chosen.

    Parameters
    ----------
    patients : who are learned from.
    parts : patient -> part (`read_parts`).
    what : is learned, for the error.

    Raises
    ------
    SplitError
        A patient is in the external part.
    """
    if wrong := sorted(patient for patient in set(patients) if parts.get(patient) == EXTERNAL):
        raise SplitError(
            f"{what} would be learned from patient {wrong[0]} of the external part, which teaches nothing: "
            "make the files of the present split anew."
        )


def check_persons(parts: Mapping[str, str], persons: Mapping[str, str], *, source: str | Path) -> None:
    """Assert that all scans of one person lie in one part.

    Parameters
    ----------
    parts, persons : patient -> part, and patient -> person; a patient without a person is one.
    source : of the parts, for the error.

    Raises
    ------
    SplitError
        They do not.
    """
    first: dict[str, str] = {}
    for patient, part in parts.items():
        other = first.setdefault(persons.get(patient, patient), patient)
        if parts[other] != part:
            raise SplitError(
                f"{source}: patients {other} and {patient} are scans of one person and are in the parts "
                f"{parts[other]} and {part}: give both one part."
            )


def check_leakage(before: Mapping[str, Iterable[str]], now: Mapping[str, Iterable[str]]) -> None:
    """Refuse to validate or test a network on patients of an earlier part, such as its training patients.

    Parameters
    ----------
    before, now : part -> patients, when the network was trained and now.

    Raises
    ------
    SplitError
        A patient has moved from an earlier part (train, validation, test, external) to a later one.
    """
    order = (*PARTS, EXTERNAL)
    for number, part in enumerate(order):
        later = {patient for later in order[number + 1 :] for patient in now.get(later, ())}
        if moved := sorted(later & set(before.get(part, ()))):
            raise SplitError(
                f"patient {moved[0]} was in the {part} part when the network was trained and is in a later "
                "part now: delete the models of the earlier split and train again."
            )
