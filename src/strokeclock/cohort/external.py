"""Patients of an external cohort, by a column of the sheet. Standard library alone."""

from collections.abc import Collection, Iterable, Mapping

from strokeclock.cohort.sheet import TABLE
from strokeclock.errors import ConfigurationError

_KEY = "Configuration key split.external"


def find_external(rows: Iterable[Mapping[str, str]], external: Mapping[str, Collection[str]]) -> set[str]:
    """Return the patients of the external cohort: those with one of the values, and all scans of a person.

    Parameters
    ----------
    rows : of the checked sheet, "" where missing; patient, person and the columns that ``external`` names.
    external : column of the sheet -> values.

    Raises
    ------
    ConfigurationError
        A column is unknown, or no patient has a value.
    """
    check_columns(external)
    rows, found = list(rows), set()
    for column, values in external.items():
        for value in values:
            own = {row["patient"] for row in rows if _is_same(row[column], value)}
            if not own:
                raise ConfigurationError(
                    f"{_KEY} names {column} {value}, which no patient who enters has: correct or remove it."
                )
            found |= own
    persons = {row["person"] for row in rows if row["patient"] in found}
    return {row["patient"] for row in rows if row["person"] in persons}


def check_columns(external: Iterable[str]) -> None:
    """Raise ConfigurationError where ``external`` names a column that the run's cohort does not have."""
    if unknown := sorted(set(external) - set(TABLE)):
        raise ConfigurationError(f"{_KEY} names the column {unknown[0]}: use one of {', '.join(TABLE)}.")


def _is_same(cell: str, value: str) -> bool:
    """Whether a cell has a value, as text or as a number: 3 is 3.0."""
    try:
        return cell == value or float(cell) == float(value)
    except ValueError:
        return False
