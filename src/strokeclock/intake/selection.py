"""selection.tsv: every series that was found, what it was taken for, and what a person chooses instead."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from strokeclock.errors import ConfigurationError
from strokeclock.intake.choice import ASK, COLUMNS, NO, YES, Decision
from strokeclock.intake.table import read_table

HEADER = ("patient", "session", "series", "column", "chosen", "why", "note", "other")
NONE = "n/a"
_KEY = ("patient", "session", "series")
_READ = (*_KEY, "column", "chosen")


class Choice(NamedTuple):
    """A person's choice on one series: `YES`, `NO` or `ASK`, the columns, and the line that says so."""

    chosen: str
    columns: tuple[str, ...]
    line: int


Choices = Mapping[str, Mapping[tuple[str, str], Choice]]  # patient -> (session, series) -> choice


def format_rows(patient: str, decisions: Sequence[Decision]) -> list[tuple[str, ...]]:
    """Return the rows of one patient, one a series, as `HEADER`; no cell holds a tab, quote or line break."""
    return [
        (
            patient,
            one.found.session or NONE,
            one.found.name,
            " ".join(one.columns) or NONE,
            one.chosen,
            _clean("; ".join((one.found.why, *one.found.faults)) if one.chosen == YES else one.found.why),
            _clean(one.note),
            _clean(", ".join(one.other)) or NONE,
        )
        for one in decisions
    ]


def _clean(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def read_selection(path: str | Path) -> dict[str, dict[tuple[str, str], Choice]]:
    """Read what a person chose in selection.tsv.

    Raises
    ------
    ConfigurationError
        A column is missing, a series stands twice, `chosen` or `column` is unknown, or one patient's column
        is filled twice or from two visits. One sentence with the line and the remedy.
    """
    name = Path(path).name
    header, rows = read_table(path)
    if missing := [column for column in _READ if column not in header]:
        raise ConfigurationError(
            f"{name} lacks the column {', '.join(missing)}: take the file that import wrote."
        )
    places = [header.index(column) for column in _READ]
    choices: dict[str, dict[tuple[str, str], Choice]] = {}
    for number, cells in rows:
        patient, session, series, column, chosen = (cells[place] for place in places)
        key = ("" if session == NONE else session), series
        choice = Choice(chosen.lower(), _read_columns(column, f"{name} line {number}"), number)
        mine = choices.setdefault(patient, {})
        if key in mine:
            raise ConfigurationError(
                f"{name} line {number}: the series stands already in line {mine[key].line}: keep one of them."
            )
        _check_choice(choice, given=chosen, name=name)
        mine[key] = choice
    for mine in choices.values():
        _check_once(mine, name=name)
    return choices


def _read_columns(cell: str, place: str) -> tuple[str, ...]:
    columns = tuple(cell.replace(",", " ").split()) if cell != NONE else ()
    if unknown := [column for column in columns if column not in COLUMNS]:
        raise ConfigurationError(f"{place}: column {unknown[0]!r} is unknown: use {', '.join(COLUMNS)}.")
    return columns


def _check_choice(choice: Choice, *, given: str, name: str) -> None:
    if choice.chosen not in (YES, NO, ASK):
        raise ConfigurationError(
            f"{name} line {choice.line}: chosen is {given!r}: write {YES}, {NO} or {ASK}."
        )
    if choice.chosen == YES and not choice.columns:
        raise ConfigurationError(
            f"{name} line {choice.line}: chosen is {YES}, and column is empty: write there which of "
            f"{', '.join(COLUMNS)} the series is."
        )


def _check_once(choices: Mapping[tuple[str, str], Choice], *, name: str) -> None:
    """Raise ConfigurationError where a patient's column is filled twice, or from two visits."""
    filled: dict[str, int] = {}
    visit: tuple[str, int] | None = None
    for (session, _), choice in choices.items():
        if choice.chosen != YES:
            continue
        for column in choice.columns:
            if column in filled:
                raise ConfigurationError(
                    f"{name} lines {filled[column]} and {choice.line} both say {YES} for column {column}: "
                    f"write {NO} in one of them."
                )
            filled[column] = choice.line
        if session:
            if visit and visit[0] != session:
                raise ConfigurationError(
                    f"{name} lines {visit[1]} and {choice.line} say {YES} for two visits: keep one "
                    "visit a patient."
                )
            visit = visit or (session, choice.line)


def check_known(path: str | Path, choices: Choices, found: Mapping[str, Sequence[Decision]]) -> None:
    """Raise ConfigurationError where a choice is on what the source does not hold or cannot give.

    Parameters
    ----------
    found : patient -> the decisions on all series that were found.
    """
    name = Path(path).name
    for patient, mine in choices.items():
        series = {(one.found.session, one.found.name): one.found.gives for one in found.get(patient, ())}
        for key, choice in mine.items():
            place = f"{name} line {choice.line}"
            if patient not in found:
                raise ConfigurationError(
                    f"{place}: patient {patient!r} is not in the source: remove the line, or undo what a "
                    "spreadsheet made of the identifier."
                )
            if key not in series:
                raise ConfigurationError(
                    f"{place}: patient {patient} has no such series in the source: remove the line, or undo "
                    "what a spreadsheet made of its name."
                )
            wrong = _list_impossible(choice, series[key])
            if wrong:
                raise ConfigurationError(
                    f"{place}: the series cannot be {wrong[0]}: it gives {' and '.join(series[key])}."
                )


def _list_impossible(choice: Choice, gives: Collection[str]) -> list[str]:
    """List the columns that a series cannot fill; of one volume a person may know better than its name."""
    if choice.chosen != YES:
        return []
    if len(gives) > 1:
        return [column for column in choice.columns if column not in gives]
    return [*choice.columns[1:]]


def differ(before: Choices, now: Choices) -> bool:
    """Whether two selections decide differently on a series that both hold."""
    return any(
        key in now.get(patient, {}) and now[patient][key][:2] != choice[:2]
        for patient, mine in before.items()
        for key, choice in mine.items()
    )
