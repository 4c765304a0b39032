"""What a row of the sheet says about the onset: minutes, a class of them, or how it came to be unknown.

A time that the patient was last known well is a bound of the onset. It is compared with the others and is
never a label. Time stamps are dates of care, which may identify: minutes leave this module, no stamp does.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from strokeclock.cohort.numbers import find_fault

MINUTES, HOURS = "onset_to_mri_min", "onset_to_mri_h"
ONSET, LAST_WELL, MRI = "onset", "last_known_well", "mri_time"
KIND, CLASS = "onset_kind", "onset_class"
STAMPS = (ONSET, LAST_WELL, MRI)
COLUMNS = (MINUTES, HOURS, *STAMPS, KIND, CLASS)

KNOWN, WAKE_UP, UNWITNESSED = "known", "wake-up", "unwitnessed"
KINDS = (KNOWN, WAKE_UP, UNWITNESSED)
_SPELLINGS = {  # of kinds, in small letters without blanks, hyphens and underscores
    "known": KNOWN,
    "witnessed": KNOWN,
    "wakeup": WAKE_UP,
    "wokeup": WAKE_UP,
    "wakeupstroke": WAKE_UP,
    "unwitnessed": UNWITNESSED,
    "unknown": UNWITNESSED,
    "unclear": UNWITNESSED,
}
EARLY, LATE = "<4.5h", ">=4.5h"
CLASS_MIN = 270.0  # minutes: the limit between the two classes
_CLASSES = {EARLY: EARLY, LATE: LATE, "≥4.5h": LATE}

DAY_H = 24  # a number under it may be hours; no MRI is made so few minutes after the onset
WEEK_H = 168
_FEWEST = 3  # numbers from which a whole column is judged
_TOLERANCE_MIN = 5.0  # between two ways of giving one time: hours are rounded to a tenth
_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


class Onset(NamedTuple):
    """The onset of one patient.

    Attributes
    ----------
    minutes : from onset to MRI, as text; "" where not known.
    kind : one of `KINDS`; "" where the sheet does not say it and no time tells it.
    onset_class : `EARLY`, `LATE` or "".
    """

    minutes: str
    kind: str
    onset_class: str


class OnsetError(ValueError):
    """One sentence on what is wrong with the onset of a row, with the remedy."""


def read_onset(row: Mapping[str, str]) -> Onset:
    """Read the onset of one row; of several ways that agree, minutes precede time stamps, and these hours.

    Parameters
    ----------
    row : column -> cell, "" where missing; `COLUMNS` are read.

    Raises
    ------
    OnsetError
        A cell cannot be read, or two of them contradict each other.
    """
    kind, onset_class = _read_kind(row[KIND]), _read_class(row[CLASS])
    given = _read_times(row)
    if len(given) > 1 and max(given.values()) - min(given.values()) > _TOLERANCE_MIN:
        by = " and ".join(f"{minutes:g} by column {name}" for name, minutes in given.items())
        raise OnsetError(f"the minutes from onset to MRI are {by}: correct one of them")
    minutes = next(iter(given.values()), None)
    _compare(minutes, kind=kind, onset_class=onset_class, bound=read_bound(row))
    if kind == KNOWN and minutes is None and not onset_class:
        raise OnsetError(
            f"column {KIND} is {KNOWN}, and no column gives the time: fill {MINUTES}, or write {UNWITNESSED}"
        )
    if minutes is None:
        return Onset("", kind, onset_class)
    text = row[MINUTES] or f"{round(minutes, 2):.10g}"
    return Onset(text, KNOWN, onset_class)


def check_units(rows: Collection[Mapping[str, str]]) -> str | None:
    """Return one sentence where a whole column of times has the other's unit, or None.

    Half of the numbers or more must tell: minutes under 24, or hours over 24.
    """
    for column, other, tells in (
        (MINUTES, HOURS, lambda value: value < DAY_H),
        (HOURS, MINUTES, lambda value: value > DAY_H),
    ):
        values = [float(row[column]) for row in rows if row[column] and not find_fault(column, row[column])]
        telling = sum(map(tells, values))
        if len(values) >= _FEWEST and 2 * telling >= len(values):
            unit, found = ("minutes", "under") if column == MINUTES else ("hours", "over")
            meant = "hours" if column == MINUTES else "minutes"
            return (
                f"in column {column} {telling} of {len(values)} numbers are {found} {DAY_H}, which looks "
                f"like {meant}: name the column {other}, or correct the numbers to {unit}"
            )
    return None


def read_bound(row: Mapping[str, str]) -> float | None:
    """Return the minutes from last known well to MRI, the most that the onset can lie before it, or None.

    Raises OnsetError where a time stamp is missing or cannot be read.
    """
    if not row[LAST_WELL]:
        if row[MRI]:
            _read_stamp(row, MRI)
        return None
    if not row[MRI]:
        raise OnsetError(f"column {LAST_WELL} has a time stamp, and column {MRI} is empty: fill it")
    return _subtract(row, LAST_WELL)


def _read_kind(cell: str) -> str:
    if not cell:
        return ""
    try:
        return _SPELLINGS[_simplify(cell)]
    except KeyError:
        raise OnsetError(f"column {KIND} is {cell!r}: use {', '.join(KINDS[:-1])} or {KINDS[-1]}") from None


def _simplify(cell: str) -> str:
    return re.sub(r"[\s_-]", "", cell.lower())


def _read_class(cell: str) -> str:
    if not cell:
        return ""
    try:
        return _CLASSES["".join(cell.lower().split())]
    except KeyError:
        raise OnsetError(f"column {CLASS} is {cell!r}: use {EARLY} or {LATE}, or leave it empty") from None


def _read_times(row: Mapping[str, str]) -> dict[str, float]:
    """Return the minutes from onset to MRI by each of the columns that give them."""
    found = {}
    if row[MINUTES]:
        found[MINUTES] = _read_number(row, MINUTES)
        if found[MINUTES] < DAY_H:
            raise OnsetError(
                f"column {MINUTES} is {row[MINUTES]}, which looks like hours: write minutes, or hours in "
                f"column {HOURS}"
            )
    if row[ONSET]:
        if not row[MRI]:
            raise OnsetError(f"column {ONSET} has a time stamp, and column {MRI} is empty: fill it")
        found[ONSET] = _subtract(row, ONSET)
    if row[HOURS]:
        hours = _read_number(row, HOURS)
        if hours > WEEK_H:
            raise OnsetError(
                f"column {HOURS} is {row[HOURS]}, which looks like minutes: write hours, or minutes in "
                f"column {MINUTES}"
            )
        found[HOURS] = 60 * hours
    return found


def _read_number(row: Mapping[str, str], column: str) -> float:
    if fault := find_fault(column, row[column]):
        if _simplify(row[column]) in _SPELLINGS:
            fault = (
                f"column {column} is {row[column]!r}: leave it empty, and write {WAKE_UP} or {UNWITNESSED} "
                f"in column {KIND} where the onset is not known"
            )
        raise OnsetError(fault)
    return float(row[column])


def _subtract(row: Mapping[str, str], column: str) -> float:
    """Return the minutes from a time stamp to the MRI's."""
    before, mri = _read_stamp(row, column), _read_stamp(row, MRI)
    if (before.tzinfo is None) != (mri.tzinfo is None):
        raise OnsetError(
            f"of columns {column} and {MRI} one has a time zone: give both a time zone, or neither of them"
        )
    minutes = (mri - before).total_seconds() / 60
    if minutes <= 0:
        raise OnsetError(f"column {column} is not before column {MRI}: correct one of them")
    if fault := find_fault(MINUTES, f"{minutes:.10g}"):
        raise OnsetError(
            f"columns {column} and {MRI} lie {minutes / 1440:.0f} days apart: correct one of them"
            if minutes > 1440
            else fault
        )
    return minutes


def _read_stamp(row: Mapping[str, str], column: str) -> datetime:
    """Read a time stamp; its own digits are not repeated in the sentence, for they may identify."""
    if _STAMP.fullmatch(row[column]):
        try:
            return datetime.fromisoformat(row[column])
        except ValueError:
            pass
    raise OnsetError(
        f"column {column} is no time stamp with year first and a time of day: write it as 2024-01-31T14:05, "
        "with a time zone (+01:00) or without"
    )


def _compare(minutes: float | None, *, kind: str, onset_class: str, bound: float | None) -> None:
    """Raise OnsetError where the ways of giving the onset contradict each other."""
    if onset_class == LATE and bound is not None and bound < CLASS_MIN - _TOLERANCE_MIN:
        raise OnsetError(
            f"column {CLASS} is {LATE}, and {LAST_WELL} lies {bound:g} min before the MRI: correct one of "
            "them"
        )
    if minutes is None:
        return
    if kind in (WAKE_UP, UNWITNESSED):
        raise OnsetError(
            f"column {KIND} is {kind}, and a time of onset is given, which would be a label: leave the time "
            f"empty, or give it as {LAST_WELL} and {MRI}"
        )
    if onset_class and (minutes < CLASS_MIN) != (onset_class == EARLY):
        raise OnsetError(
            f"column {CLASS} is {onset_class}, and the onset lies {minutes:g} min before the MRI: correct "
            "one of them"
        )
    if bound is not None and minutes > bound + _TOLERANCE_MIN:
        raise OnsetError(
            f"the onset lies {minutes:g} min before the MRI, and {LAST_WELL} {bound:g} min: correct one of "
            "them"
        )
