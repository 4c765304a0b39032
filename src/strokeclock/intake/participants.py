"""What a table says of the persons: onset, side, age, sex, NIHSS, site; participants.tsv or any export."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from strokeclock.cohort import numbers, onset
from strokeclock.cohort.split_file import name_some
from strokeclock.errors import ConfigurationError
from strokeclock.intake.table import read_table
from strokeclock.series import BOTH, SIDES

_IDENTIFIERS = ("participant_id", "patient", "patient_id", "patientid", "subject", "subject_id")
_SESSIONS = ("session_id", "session")
_WAKE_UP = "wake_up_stroke"
_NUMBERS = ("age", "nihss", "field_t")
COLUMNS = (*onset.COLUMNS, "lesion_side", *_NUMBERS, "sex", "site")
_MISSING = {"", "n/a", "na", "nan", "null", "none", "missing", "-", "--", "?", ".", "#n/a"}
_SEXES = {"m": "M", "male": "M", "man": "M", "f": "F", "female": "F", "woman": "F", "w": "F"}
_OTHER_SEXES = {"o", "other", "unknown", "u", "x", "d", "diverse"}
_L, _R = SIDES
_SIDE_NAMES = {
    "l": _L,
    "r": _R,
    "b": BOTH,
    "bilateral": BOTH,
    **{side: side for side in (*SIDES, BOTH, "none")},
}
_YES = {"1", "true", "yes", "y"}
_NO = {"0", "false", "no", "n"}
_UNKNOWN = {
    "unknown",
    "unclear",
    "unwitnessed",
    "wake-up",
    "wakeup",
    "wake up",
    "woke up",
}  # in place of a time


@dataclass(frozen=True, kw_only=True)
class Participants:
    """A table of persons.

    Attributes
    ----------
    rows : identifier -> the lines that name it: number, session or "", and the cells of `COLUMNS`.
    unused : names of columns that are not read.
    notes : sentences on cells that are left out.
    """

    rows: Mapping[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_participants(path: str | Path) -> Participants:
    """Read a table of persons, separated by tabs, semicolons or commas.

    Cells that cannot be read are left out and noted by column and line, never repeated. With semicolons,
    numbers may have a decimal comma.

    Raises
    ------
    ConfigurationError
        The file cannot be read, has no column of identifiers or a column twice, or gives times in the wrong
        unit throughout.
    """
    name = Path(path).name
    header, lines = read_table(path)
    header = [column.strip().lower() for column in header]
    if repeated := [column for column, count in Counter(header).items() if count > 1]:
        raise ConfigurationError(f"{name} has the column {repeated[0]!r} twice: keep one.")
    by = next((column for column in _IDENTIFIERS if column in header), None)
    if by is None:
        raise ConfigurationError(
            f"{name} lacks the column participant_id: name the column of identifiers so."
        )
    session = next((column for column in _SESSIONS if column in header), None)
    rows: dict[str, list[tuple[int, str, dict[str, str]]]] = {}
    wrong: dict[str, list[int]] = {}
    for number, cells in lines:
        given = dict(zip(header, cells, strict=True))
        read = _read_row(given, wrong=wrong, line=number)
        if identifier := given[by]:
            label = _clean(given[session]).removeprefix("ses-") if session else ""
            rows.setdefault(identifier, []).append((number, label, read))
    if fault := onset.check_units([row for mine in rows.values() for _, _, row in mine]):
        raise ConfigurationError(f"{name}: {fault}.")
    read_columns = {by, session, _WAKE_UP, *COLUMNS}
    return Participants(
        rows=rows,
        unused=tuple(column for column in header if column and column not in read_columns),
        notes=tuple(
            f"{name}: column {column} has {len(at)} cells that cannot be read and are left out, the first in "
            f"line {at[0]}."
            for column, at in wrong.items()
        ),
    )


def _read_row(given: Mapping[str, str], *, wrong: dict[str, list[int]], line: int) -> dict[str, str]:
    """Return the cells of `COLUMNS`; what cannot be read is left out, and its line is added to `wrong`."""
    row = {column: _clean(given.get(column, "")) for column in COLUMNS}
    row["lesion_side"] = given.get("lesion_side", "").strip().lower()
    for column in (*_NUMBERS, onset.MINUTES, onset.HOURS):
        row[column] = re.sub(r"^([0-9]+),([0-9]+)$", r"\1.\2", row[column])
    row["age"] = re.sub("^0*([0-9]{1,3})Y$", r"\1", row["age"])  # DICOM's
    for column in (onset.MINUTES, onset.HOURS, onset.ONSET):
        if row[column].lower() in _UNKNOWN:
            row[onset.KIND] = row[onset.KIND] or row[column]
            row[column] = ""
    readers: dict[str, Callable[[str], str | None]] = {
        **{column: partial(_read_number, column) for column in _NUMBERS},
        "sex": _read_sex,
        "lesion_side": _read_side,
    }
    for column, read in readers.items():
        value = read(row[column]) if row[column] else ""
        if value is None:
            wrong.setdefault(column, []).append(line)
        row[column] = value or ""
    wake_up = _clean(given.get(_WAKE_UP, "")).lower()
    if wake_up in _YES:
        row[onset.KIND] = row[onset.KIND] or onset.WAKE_UP
    elif wake_up and wake_up not in _NO:
        wrong.setdefault(_WAKE_UP, []).append(line)
    return row


def _clean(cell: str) -> str:
    cell = " ".join(cell.split())
    return "" if cell.lower() in _MISSING else cell


def _read_number(column: str, cell: str) -> str | None:
    return None if numbers.find_fault(column, numbers.strip_cap(cell)) else cell


def _read_sex(cell: str) -> str | None:
    return "" if cell.lower() in _OTHER_SEXES else _SEXES.get(cell.lower())


def _read_side(cell: str) -> str | None:
    return "" if cell in _MISSING - {"none"} or cell in ("unknown", "unclear") else _SIDE_NAMES.get(cell)


def match_rows(
    participants: Participants, patients: Mapping[str, str], sessions: Mapping[str, str], *, name: str
) -> tuple[dict[str, dict[str, str]], int]:
    """Return patient -> the cells of the person's row, and the number of lines that name nobody here.

    An identifier is compared as text with the patient, the person of the source, and both with and without
    "sub-". A line with a session counts for that visit alone.

    Parameters
    ----------
    patients : person -> patient.
    sessions : patient -> label of the chosen visit.
    name : of the table, for errors.

    Raises
    ------
    ConfigurationError
        Two lines are on one person and visit; they are named by their numbers.
    """
    matched: dict[str, dict[str, str]] = {}
    used: set[int] = set()
    for person, patient in patients.items():
        lines = [line for key in _list_keys(person, patient) for line in participants.rows.get(key, ())]
        used |= {number for number, _, _ in lines}
        visit = sessions.get(patient, "")
        lines = [line for line in lines if line[1] in ("", visit)]
        if len(lines) > 1:
            raise ConfigurationError(
                f"{name} lines {lines[0][0]} and {lines[1][0]} are on one person: keep one of them, or give "
                "them a column session_id."
            )
        if lines:
            matched[patient] = lines[0][2]
    total = sum(len(lines) for lines in participants.rows.values())
    return matched, total - len(used)


def _list_keys(person: str, patient: str) -> Collection[str]:
    bare = [one.removeprefix("sub-") for one in (person, patient)]
    return dict.fromkeys((person, patient, *bare, *(f"sub-{one}" for one in bare)))


def read_onsets(
    rows: Mapping[str, dict[str, str]],
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return patient -> minutes, kind and class of the onset, and sentences for a person.

    The sentences are on ways of giving an onset that contradict each other, and on patients without an onset
    whose class follows from last known well. Time stamps are turned into minutes and go no further, because
    dates of care identify.
    """
    onsets: dict[str, dict[str, str]] = {}
    certain: list[str] = []
    faults: dict[str, list[str]] = defaultdict(list)
    for patient, row in rows.items():
        try:
            read = onset.read_onset(row)
            bound = onset.read_bound(row)
        except onset.OnsetError as error:
            faults[str(error)].append(patient)
            continue
        onsets[patient] = dict(zip((onset.MINUTES, onset.KIND, onset.CLASS), read, strict=True))
        if not read.minutes and not read.onset_class and bound is not None and bound < onset.CLASS_MIN:
            certain.append(patient)
    notes = [
        f"{'patients' if len(whose) > 1 else 'patient'} {name_some(whose)}: {fault}; the onset is left out."
        for fault, whose in faults.items()
    ]
    if certain:
        notes.append(
            f"Without an onset, and last known well less than 4.5 h before the MRI: {name_some(certain)}. "
            f"The {onset.CLASS} {onset.EARLY} holds for them; the import does not write it "
            "(docs/reference/cohort-sheet.md#last-known-well)."
        )
    return onsets, notes


def list_without_row(patients: Iterable[str], rows: Mapping[str, object]) -> list[str]:
    """List the patients whom no line of the table names."""
    return [patient for patient in patients if patient not in rows]
