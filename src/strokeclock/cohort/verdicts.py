"""Manual verdicts on the quality pictures; they override the automatic ones."""

from collections.abc import Collection
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import ConfigurationError

VERDICTS = ("pass", "review", "fail")
_COLUMNS = ("patient", "verdict", "reason")


def read_verdicts(path: str | Path, *, patients: Collection[str]) -> dict[str, tuple[str, str]]:
    """Read the TSV of configuration key quality.verdicts (columns patient, verdict, reason).

    Returns
    -------
    dict
        patient -> (verdict, reason); verdict is pass, review or fail.

    Raises
    ------
    ConfigurationError
        A column is missing, a patient unknown or repeated, a verdict unknown, or a fail without a reason.
    """
    verdicts: dict[str, tuple[str, str]] = {}
    header, lines = read_cells(path)
    if missing := [column for column in _COLUMNS if column not in header]:
        raise ConfigurationError(f"{path} lacks the column {', '.join(missing)}: add it (tab-separated).")
    places = [header.index(column) for column in _COLUMNS]
    for number, cells in lines:
        patient, verdict, reason = (cells[place].strip() for place in places)
        place = f"{path} line {number}"
        if patient not in patients:
            raise ConfigurationError(
                f"{place}: patient {patient!r} is not in the cohort: correct or remove it."
            )
        if patient in verdicts:
            raise ConfigurationError(f"{place}: patient {patient} has a verdict already: keep one.")
        if verdict == "look":
            raise ConfigurationError(f"{place}: the verdict look is now called review: write review.")
        if verdict not in VERDICTS:
            raise ConfigurationError(f"{place}: verdict {verdict!r} is unknown: use {', '.join(VERDICTS)}.")
        if verdict == "fail" and not reason:
            raise ConfigurationError(f"{place}: a fail needs a reason: write one for exclusions.tsv.")
        verdicts[patient] = (verdict, reason)
    return verdicts
