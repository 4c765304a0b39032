"""Manual verdicts on the quality pictures; they override the automatic ones."""

import csv
from collections.abc import Collection
from pathlib import Path

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
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if missing := [column for column in _COLUMNS if column not in (rows.fieldnames or [])]:
            raise ConfigurationError(f"{path} lacks the column {', '.join(missing)}: add it (tab-separated).")
        for row in rows:
            patient, verdict, reason = ((row[column] or "").strip() for column in _COLUMNS)
            place = f"{path} line {rows.line_num}"
            if patient not in patients:
                raise ConfigurationError(
                    f"{place}: patient {patient!r} is not in the cohort: correct or remove it."
                )
            if patient in verdicts:
                raise ConfigurationError(f"{place}: patient {patient} has a verdict already: keep one.")
            if verdict == "look":
                raise ConfigurationError(f"{place}: the verdict look is now called review: write review.")
            if verdict not in VERDICTS:
                raise ConfigurationError(
                    f"{place}: verdict {verdict!r} is unknown: use {', '.join(VERDICTS)}."
                )
            if verdict == "fail" and not reason:
                raise ConfigurationError(f"{place}: a fail needs a reason: write one for exclusions.tsv.")
            verdicts[patient] = (verdict, reason)
    return verdicts
