"""Batches: patients who share a job, and the table of their files. Standard library alone.

Starting a process takes as long as a step on one patient, so a job takes several patients. A batch is all
patients whose identifiers' digests begin with the same bits. So a patient who is added to the sheet, removed
from it or moved in it changes only the batch of that patient.
"""

import hashlib
from collections.abc import Container, Iterable, Mapping
from functools import cache
from pathlib import Path

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.provenance import digest_file

COLUMNS = ("patient", "name", "file", "sha256")
_VOLUME = ".nii.gz"
ALL = "b"  # the batch of all patients; names of smaller batches add the digest's bits

Files = Mapping[str, Mapping[str, str]]  # patient -> name (t2w, record, …) -> file


class BatchError(StrokeclockError):
    """A batch's table is damaged or lacks a patient."""


def deal_batches(patients: Iterable[str], *, most: int) -> dict[str, list[str]]:
    """Divide patients into batches of at most ``most``: name -> patients in alphabetical order.

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
    """Return the batch that contains the smaller batch ``part``."""
    return next(name for name in batches if part.startswith(name))


def write_batch(table: str | Path, files: Files) -> None:
    """Write a batch's table (`COLUMNS`) once its files exist.

    Parameters
    ----------
    files : patient -> name (t2w, brain_mask, …) -> file, absolute or from the working directory.
    """
    write_cells(
        table,
        COLUMNS,
        [
            (patient, name, file, digest_file(file))
            for patient, named in sorted(files.items())
            for name, file in named.items()
        ],
    )


def read_batches(
    paths: str | Path | Iterable[str | Path], *, only: Iterable[str] | None = None
) -> dict[str, dict[str, str]]:
    """Read the tables of one step's batches: patient -> name -> file; patients in alphabetical order.

    Each file that is returned is compared with its digest, once in a process.

    Parameters
    ----------
    only : the patients to return; None: all.

    Raises
    ------
    BatchError
        A file is not a table of `write_batch`, the tables lack a patient of ``only``, or a file has changed
        since its table was written.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    wanted = None if only is None else {*only}
    files: dict[str, dict[str, str]] = {}
    for path in paths:
        for patient, name, file, sha256 in _read(path):
            if wanted is None or patient in wanted:
                _check(file, sha256=sha256, patient=patient)
                files.setdefault(patient, {})[name] = file
    chosen = files if wanted is None else wanted
    if missing := sorted(set(chosen) - set(files)):
        raise BatchError(f"{', '.join(map(str, paths))} lacks patient {missing[0]}: delete it and run again")
    return {patient: files[patient] for patient in sorted(chosen)}


def find_damage(path: str | Path, *, dropped: Container[str] = ()) -> str | None:
    """Return one sentence that names a missing or changed file of a batch's table; None: there is none.

    A file that is not newer than the table counts as unchanged.

    Parameters
    ----------
    dropped : files that may be missing (`drop_volumes`).
    """
    try:
        written = Path(path).stat().st_mtime_ns
        for patient, _, file, sha256 in _read(path):
            try:
                is_newer = Path(file).stat().st_mtime_ns > written
            except OSError:
                if file in dropped:
                    continue
                return f"{file} of patient {patient} is missing"
            if is_newer and digest_file(file) != sha256:
                return f"{file} of patient {patient} has changed"
    except BatchError as error:
        return str(error)
    return None


def drop_volumes(tables: Iterable[str | Path], *, dropped: str | Path) -> None:
    """Delete the volumes (NIfTI) that tables name, and list them in ``dropped``, one a line.

    The tables stay, so that nothing that was made from the volumes is made again.
    """
    volumes = [file for table in tables for _, _, file, _ in _read(table) if file.endswith(_VOLUME)]
    write_whole(dropped, "".join(f"{file}\n" for file in volumes))
    for file in volumes:
        Path(file).unlink(missing_ok=True)


def read_dropped(dropped: str | Path) -> set[str]:
    """Return the files that `drop_volumes` listed; none where nothing was dropped."""
    try:
        return {*Path(dropped).read_text(encoding="utf-8").splitlines()}
    except FileNotFoundError:
        return set()


def _read(path: str | Path) -> list[list[str]]:
    remedy = "delete it and run again"
    header, rows = read_cells(path, error=BatchError, remedy=remedy)
    if tuple(header) != COLUMNS:
        raise BatchError(f"{path} is not a table of a batch's files: {remedy}.")
    return [cells for _, cells in rows]


def _check(file: str, *, sha256: str, patient: str) -> None:
    """Raise BatchError where a file is missing or is not the one that its table names."""
    try:
        found = _digest(file, written=Path(file).stat().st_mtime_ns)
    except OSError as error:
        raise BatchError(
            f"{file} of patient {patient} cannot be read ({error.strerror}): run again, and its batch is "
            "made again; if it was dropped, with preprocessing.keep_volumes: true."
        ) from None
    if found != sha256:
        raise BatchError(
            f"{file} of patient {patient} is not the file that was made: it is damaged or was replaced. "
            "Delete it and run again."
        )


@cache
def _digest(file: str, *, written: int) -> str:
    """A file's sha256, computed once a process and time of writing."""
    return digest_file(file)


def _bit(patient: str, place: int) -> int:
    digest = hashlib.sha256(patient.encode()).digest()
    return digest[place // 8] >> (7 - place % 8) & 1
