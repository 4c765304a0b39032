"""Batches: patients who share a job, and the table that a job leaves of their files. Standard library alone.

Starting a process costs as much as a step on one patient, so a job takes several. Which ones follows from the
patients themselves: a batch is all patients whose identifiers' digests begin with the same bits. A patient
who comes, leaves or moves in the sheet touches the one batch that is theirs.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole

COLUMNS = ("patient", "name", "file", "sha256")
ALL = "b"  # the batch of all patients; behind it stand the digest's bits

Files = Mapping[str, Mapping[str, str]]  # patient -> what it is -> file


class BatchError(StrokeclockError):
    """A batch's table does not say where a patient's file is."""


def deal_batches(patients: Iterable[str], *, most: int) -> dict[str, list[str]]:
    """Deal patients to batches of at most ``most``: name -> patients in alphabetical order.

    All patients are one batch; a batch that is too large is halved by the next bit of the sha256 of its
    patients' identifiers. The order of ``patients`` does not matter.

    Two more patients halve their own batch and leave the other as it is:

    >>> deal_batches(["s1", "s2", "s3"], most=2)
    {'b0': ['s3'], 'b1': ['s1', 's2']}
    >>> deal_batches(["s1", "s2", "s3", "s4", "s5"], most=2)
    {'b00': ['s5'], 'b01': ['s3', 's4'], 'b1': ['s1', 's2']}
    """
    batches, waiting = {}, [(ALL, sorted(patients))]
    while waiting:
        name, members = waiting.pop()
        if len(members) <= most:
            if members:
                batches[name] = members
            continue
        place = len(name) - len(ALL)
        halves: tuple[list[str], list[str]] = ([], [])
        for patient in members:
            halves[_bit(patient, place)].append(patient)
        waiting += [(f"{name}1", halves[1]), (f"{name}0", halves[0])]
    return batches


def find_batch(batches: Mapping[str, Iterable[str]], part: str) -> str:
    """Return the batch in which a batch of smaller size lies."""
    return next(name for name in batches if part.startswith(name))


def write_batch(table: str | Path, files: Files) -> None:
    """Write a batch's table (`COLUMNS`) when its files are there.

    Parameters
    ----------
    files : patient -> what it is (t2w, brain_mask, …) -> file, absolute or from the working directory.
    """
    text = io.StringIO()
    lines = csv.writer(text, delimiter="\t", lineterminator="\n")
    lines.writerow(COLUMNS)
    for patient, named in sorted(files.items()):
        lines.writerows((patient, name, file, _digest(file)) for name, file in named.items())
    write_whole(table, text.getvalue())


def read_batches(
    paths: str | Path | Iterable[str | Path], *, only: Iterable[str] | None = None
) -> dict[str, dict[str, str]]:
    """Read the tables of one step's batches: patient -> what it is -> file; patients in alphabetical order.

    Parameters
    ----------
    only : the patients that are asked for; None: all of the tables'.

    Raises
    ------
    BatchError
        A table is no table of `write_batch`, or lacks a patient who is asked for.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    files: dict[str, dict[str, str]] = {}
    for path in paths:
        for patient, name, file, _ in _read(path):
            files.setdefault(patient, {})[name] = file
    wanted = files if only is None else only
    if missing := sorted(set(wanted) - set(files)):
        raise BatchError(f"{', '.join(map(str, paths))} lacks patient {missing[0]}: delete it and run again")
    return {patient: files[patient] for patient in sorted(wanted)}


def find_damage(path: str | Path) -> str | None:
    """Return in one sentence which file of a batch's table is missing or not the one that was written.

    A file that is not newer than the table is taken for the one that was written.
    """
    try:
        written = Path(path).stat().st_mtime_ns
        for patient, _, file, sha256 in _read(path):
            try:
                is_newer = Path(file).stat().st_mtime_ns > written
            except OSError:
                return f"{file} of patient {patient} is missing"
            if is_newer and _digest(file) != sha256:
                return f"{file} of patient {patient} has changed"
    except BatchError as error:
        return str(error)
    return None


def _read(path: str | Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise BatchError(f"{path} is no table of a batch's files: delete it, and its batch is made anew")
    return rows[1:]


def _bit(patient: str, place: int) -> int:
    digest = hashlib.sha256(patient.encode()).digest()
    return digest[place // 8] >> (7 - place % 8) & 1


def _digest(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
