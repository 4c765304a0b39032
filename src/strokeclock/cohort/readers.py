"""The reader sheet: a TSV with the columns patient, reader1, reader2, …; 1 is mismatch present, 0 absent.

It may have columns reader1_with_model, … too: the same reader's call after seeing the model's answer, 1 for
TSS < 4.5 h and 0 for a longer time.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import ConfigurationError

WITH_MODEL = "_with_model"  # the end of a column's name
_MEANINGS = "1 for mismatch present or 0 for absent", "1 for TSS < 4.5 h or 0 for a longer time"


class ReaderSheet(NamedTuple):
    """The calls of a reader sheet, 0 or 1; None where a patient who is not needed has none.

    Attributes
    ----------
    readers : reader1, reader2, …
    calls : patient -> one call a reader.
    assisted : the readers who also called with the model, in the same order.
    assisted_calls : patient -> one call with the model of each of them.
    """

    readers: list[str]
    calls: dict[str, list[int | None]]
    assisted: list[str]
    assisted_calls: dict[str, list[int | None]]


def read_reader_sheet(path: str | Path, *, known: Collection[str], needed: Sequence[str]) -> ReaderSheet:
    """Read and check the reader sheet.

    Parameters
    ----------
    known : the patients of the cohort; the sheet may hold any of them.
    needed : the patients who need a call in every column.

    Raises
    ------
    ConfigurationError
        Missing or unnumbered reader columns, a column with the model of a reader who has none without it, a
        repeated or unknown patient, a needed patient without a row, any value but 0 and 1 (empty is allowed
        for patients not needed), or no such table. One sentence that names sheet, patient and remedy.
    """
    header, lines = read_cells(path)
    header = [column.strip() for column in header]
    readers, assisted = _read_columns(path, header)
    rows = [dict(zip(header, (cell.strip() for cell in line), strict=True)) for _, line in lines]
    _check_patients(path, [row["patient"] for row in rows], known=set(known), needed=needed)
    columns = [*readers, *(f"{reader}{WITH_MODEL}" for reader in assisted)]
    complete = set(needed)
    for column in columns:
        for row in rows:
            allowed = ("0", "1") if row["patient"] in complete else ("0", "1", "")
            if row[column] not in allowed:
                raise ConfigurationError(
                    f"reader sheet {path} has {row[column]!r} for patient {row['patient']}, {column}; "
                    f"write {_MEANINGS[column.endswith(WITH_MODEL)]}"
                )
    calls = {
        row["patient"]: [int(row[column]) if row[column] else None for column in columns] for row in rows
    }
    first = len(readers)
    return ReaderSheet(
        readers,
        {patient: own[:first] for patient, own in calls.items()},
        assisted,
        {patient: own[first:] for patient, own in calls.items()},
    )


def _read_columns(path: str | Path, header: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the readers, and those who have a column with the model."""
    found = [column for column in header if column != "patient"]
    alone = [column for column in found if not column.endswith(WITH_MODEL)]
    if "patient" not in header or not alone:
        raise ConfigurationError(
            f"reader sheet {path} needs the columns patient, reader1, reader2, … (tab-separated)"
        )
    readers = [f"reader{number}" for number in range(1, len(alone) + 1)]
    if wrong := [column for column in alone if column not in readers or found.count(column) > 1]:
        raise ConfigurationError(
            f"reader sheet {path} has the column {wrong[0]!r}; name reader columns reader1, reader2, …, "
            "each once and without a gap"
        )
    beside = [column.removesuffix(WITH_MODEL) for column in found if column.endswith(WITH_MODEL)]
    if wrong := [reader for reader in beside if reader not in readers or beside.count(reader) > 1]:
        raise ConfigurationError(
            f"reader sheet {path} has the column {wrong[0] + WITH_MODEL!r}; name columns with the model "
            f"reader1{WITH_MODEL}, reader2{WITH_MODEL}, …, each once and beside the reader's own column"
        )
    return readers, [reader for reader in readers if reader in beside]


def _check_patients(
    path: str | Path, patients: Sequence[str], *, known: Collection[str], needed: Sequence[str]
) -> None:
    if repeated := [patient for patient, count in Counter(patients).items() if count > 1]:
        raise ConfigurationError(f"reader sheet {path} has patient {repeated[0]} twice; keep one row")
    if unknown := [patient for patient in patients if patient not in known]:
        raise ConfigurationError(
            f"reader sheet {path} has patient {unknown[0] or '(no id)'}, not in the cohort; correct the id "
            "or drop the row"
        )
    present = set(patients)
    if missing := [patient for patient in needed if patient not in present]:
        raise ConfigurationError(
            f"reader sheet {path} lacks {len(missing)} of {len(needed)} test patients, {missing[0]} first; "
            "add their rows, since readers and models must be compared on the same patients"
        )
