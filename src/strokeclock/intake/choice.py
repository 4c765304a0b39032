"""Choose a person's visit, and the series that fills each column; what is alike, a person chooses."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.intake.found import Found
from strokeclock.series import SERIES

COLUMNS = (*SERIES, LESION_MASK)
YES, NO, ASK = "yes", "no", "ask"
_SAME_SCAN = ("t2w", "adc")  # of the DWI's scan, or at least of its study
_ACUTE = re.compile("acute|baseline|admission|initial", re.I)
_LATER = re.compile("sub.?acute|chronic|follow|fu[0-9]*$|control", re.I)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of one series.

    Attributes
    ----------
    found : the series.
    chosen : `YES`, `NO` or `ASK`.
    columns : those that it is taken for; of a series that is not taken, those that it could fill.
    note : why, as one phrase.
    other : names of the other series that could fill one of its columns at the same visit.
    """

    found: Found
    chosen: str
    columns: tuple[str, ...]
    note: str
    other: tuple[str, ...] = ()


def choose(series: Sequence[Found]) -> list[Decision]:
    """Decide on all series of one person, in their order.

    The visit is the earliest that is complete (DWI; b0 or ADC; FLAIR), else the earliest of those that have
    most. Each column takes the series of the lowest rank; b0 and ADC come from the DWI's series or study.
    Where two have the lowest rank, both are marked `ASK`, as are all of visits whose order is not known.
    """
    visit, doubt = _choose_visit(series)
    at_visit = [one for one in series if _is_of(one, visit, series)]
    usable = [one for one in at_visit if is_usable(one)]
    taken, asked = _assign(usable) if not doubt else ({}, {})
    decisions = []
    for one in series:
        others = _name_others(one, [each for each in usable if each.session == one.session])
        columns, chosen, note = one.gives, NO, ""
        if not is_usable(one):
            note = " ".join(one.faults) or "not used"
        elif doubt and one in at_visit:
            chosen, note = ASK, doubt
        elif one not in at_visit:
            note = "of another visit than the one that is taken"
        elif mine := tuple(column for column in one.gives if taken.get(column) is one):
            columns, chosen = mine, YES
            note = "preferred to the others" if others else "the only one"
        elif asking := tuple(column for column in one.gives if one in asked.get(column, ())):
            columns, chosen = asking, ASK
            note = "as good as another: write yes for one of them and no for the others"
        else:
            note = "another one is preferred"
        decisions.append(Decision(found=one, chosen=chosen, columns=columns, note=note, other=others))
    return decisions


def is_usable(one: Found) -> bool:
    """Whether a series may be taken without a person."""
    return bool(one.gives) and not one.faults


def _is_of(one: Found, visit: Collection[str], series: Iterable[Found]) -> bool:
    """Whether a series is of the chosen visits; a mask without a visit is where only one visit has a DWI."""
    if one.session in visit:
        return True
    with_dwi = {each.session for each in series if "dwi" in each.gives}
    return one.session == "" and one.gives == (LESION_MASK,) and with_dwi <= {*visit} and len(with_dwi) == 1


def _choose_visit(series: Sequence[Found]) -> tuple[list[str], str]:
    """Return the chosen visit, or those between which a person must choose and a phrase on it."""
    usable = [one for one in series if is_usable(one)]
    sessions = list(dict.fromkeys(one.session for one in usable))
    if not sessions:
        return [], ""
    has = {session: _count_needed(one for one in usable if one.session == session) for session in sessions}
    best = [session for session in sessions if has[session] == max(has.values())]
    if len(best) == 1:
        return best, ""
    ordered = _order(best, series)
    if ordered is None:
        return (
            best,
            "of visits whose order is not known: write yes for the series of one visit, no for others",
        )
    return ordered[:1], ""


def _count_needed(series: Iterable[Found]) -> int:
    """Count what a visit has of DWI, b0 or ADC, and FLAIR."""
    given = {column for one in series for column in one.gives}
    return sum(bool(given & {*ways}) for ways in (("dwi",), ("t2w", "adc"), ("flair",)))


def _order(sessions: Sequence[str], series: Iterable[Found]) -> list[str] | None:
    """Return visits in their order, by time, by words as acute, or by number; None where nothing tells it."""
    times: dict[str, str] = {}
    for one in series:
        if one.acquired and one.session in sessions:
            times[one.session] = min(times.get(one.session, one.acquired), one.acquired)
    if len(times) == len(sessions) and len(set(times.values())) == len(sessions):
        return sorted(sessions, key=times.__getitem__)
    first = [one for one in sessions if _ACUTE.search(one) and not _LATER.search(one)]
    if len(first) == 1:
        return first
    first = [one for one in sessions if not _LATER.search(one)]
    if len(first) == 1:
        return first
    parts = [re.fullmatch(r"(\D*)([0-9]{1,7})", one) for one in sessions]  # eight digits are a date or a code
    numbers = {int(part[2]): one for part, one in zip(parts, sessions, strict=True) if part}
    if len(numbers) == len(sessions) and len({part[1] for part in parts if part}) == 1:
        return [numbers[number] for number in sorted(numbers)]
    return None


def _assign(usable: Sequence[Found]) -> tuple[dict[str, Found], dict[str, list[Found]]]:
    """Return column -> the series that fills it, and column -> the series between which a person chooses."""
    taken: dict[str, Found] = {}
    asked: dict[str, list[Found]] = {}

    def settle(column: str, candidates: list[Found]) -> None:
        if len(candidates) == 1:
            taken[column] = candidates[0]
        elif candidates:
            asked[column] = candidates

    settle("dwi", _find_best("dwi", usable))
    dwi = taken.get("dwi")
    for column in COLUMNS:
        if column == "dwi":
            continue
        if dwi and column in dwi.gives:
            taken[column] = dwi
        elif shared := [one for one in asked.get("dwi", ()) if column in one.gives]:
            asked[column] = shared
        else:
            settle(column, _find_best(column, usable, study=dwi.study if dwi else None))
    if dwi and not any(column in taken and taken[column].study == dwi.study for column in _SAME_SCAN):
        for column in _SAME_SCAN:
            if column in taken:  # of another study than the DWI: a person must say that they belong together
                asked[column] = [taken.pop(column)]
    elif dwi:
        for column in _SAME_SCAN:
            if column in taken and taken[column].study != dwi.study:
                del taken[column]
    return taken, asked


def _find_best(column: str, usable: Iterable[Found], *, study: str | None = None) -> list[Found]:
    """Return the series of the lowest rank that give a column, of a study where it has any."""
    giving = [one for one in usable if column in one.gives]
    giving = [one for one in giving if one.study == study] or giving
    lowest = min((one.rank for one in giving), default=0)
    return [one for one in giving if one.rank == lowest]


def _name_others(one: Found, usable: Iterable[Found]) -> tuple[str, ...]:
    return tuple(each.name for each in usable if each is not one and {*each.gives} & {*one.gives})


def apply_choices(
    decisions: Sequence[Decision], choices: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
) -> list[Decision]:
    """Return the decisions on one person's series with a person's choices in their place.

    A series without a choice is taken as before only where no choice fills its column.

    Parameters
    ----------
    choices : (session, series) -> `YES`, `NO` or `ASK`, and the columns that it is taken for.
    """
    if not choices:
        return [*decisions]
    filled = {column for chosen, columns in choices.values() if chosen != NO for column in columns}
    changed = []
    for one in decisions:
        choice = choices.get((one.found.session, one.found.name))
        if choice is None:
            free = not filled & {*one.columns}
            changed.append(one if one.chosen == NO or free else replace(one, chosen=NO, note=_BY_PERSON))
            continue
        chosen, columns = choice
        columns = columns if chosen != NO else one.found.gives
        if (chosen, columns) == (one.chosen, one.columns) or chosen == one.chosen == NO:
            changed.append(one)
        else:
            changed.append(replace(one, chosen=chosen, columns=columns, note=_BY_PERSON))
    return changed


_BY_PERSON = "by a person's choice"
