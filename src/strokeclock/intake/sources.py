"""sources.tsv: the one file that knows where a patient's files came from, and who the patient is there."""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from strokeclock.errors import ConfigurationError
from strokeclock.files import replacing
from strokeclock.intake.found import Found

HEADER = ("patient", "person", "session", "series", "path", "files")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_NUMBERED = re.compile("patient-([0-9]+)")


def name_patients(persons: Iterable[str], *, known: Mapping[str, str], keep: bool) -> dict[str, str]:
    """Return person -> patient, in the order of the persons.

    Parameters
    ----------
    known : person -> patient, of an earlier import, which stay.
    keep : the persons' identifiers are no names (BIDS) and stay where they can name a file.
    """
    numbers = [int(match[1]) for patient in known.values() if (match := _NUMBERED.fullmatch(patient))]
    number = max(numbers, default=0)
    named: dict[str, str] = {}
    for person in persons:
        if person in known:
            named[person] = known[person]
        elif keep and _SAFE.fullmatch(person):
            named[person] = person
        else:
            number += 1
            named[person] = f"patient-{number:04d}"
    return named


def read_known(path: Path) -> dict[str, str]:
    """Read person -> patient of an earlier import; empty where there is none.

    Raises
    ------
    ConfigurationError
        The file is damaged: without it patients would get other numbers.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter="\t"))
    known: dict[str, str] = {}
    for row in rows[1:]:
        if len(row) != len(HEADER) or known.setdefault(row[1], row[0]) != row[0]:
            rows = []
            break
    if not rows or tuple(rows[0]) != HEADER or len({*known.values()}) != len(known):
        raise ConfigurationError(
            f"{path.name} is damaged, and patients would get other numbers: restore it, or import into a new "
            "folder."
        )
    return known


def write_sources(path: Path, found: Mapping[str, Sequence[Found]], *, known: Mapping[str, str]) -> None:
    """Write every series' source: its file, or the folder of its files and their number; for the owner alone.

    Parameters
    ----------
    found : patient -> series.
    known : person -> patient of an earlier import; those who are not found any more keep a row.
    """
    rows = [
        (patient, one.person, one.session, one.name, _find_place(one.files), str(len(one.files)))
        for patient, series in found.items()
        for one in series
    ]
    rows += [(patient, person, "", "", "", "0") for person, patient in known.items() if patient not in found]
    with replacing(path) as beside:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(sorted(rows))


def _find_place(files: Sequence[Path]) -> str:
    if len(files) < 2:
        return str(files[0]) if files else ""
    return os.path.commonpath([file.parent for file in files])
