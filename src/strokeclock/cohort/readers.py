"""The reader sheet: a TSV with the columns patient, reader1, reader2, …; 1 is mismatch present, 0 absent."""

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import ConfigurationError


def read_reader_sheet(
    path: str | Path, *, known: Collection[str], needed: Sequence[str]
) -> tuple[list[str], dict[str, list[int | None]]]:
    """Read and check the reader sheet.

    Parameters
    ----------
    known : the patients of the cohort; the sheet may hold any of them.
    needed : the patients who need a call of every reader.

    Returns
    -------
    readers : reader1, reader2, …
    calls : patient -> one call a reader, 0 or 1; None where a patient who is not needed has none.

    Raises
    ------
    ConfigurationError
        Missing or unnumbered reader columns, a repeated or unknown patient, a needed patient without a row,
        any value but 0 and 1 (empty is allowed for patients not needed), or no such table. One sentence that
        names sheet, patient and remedy.
    """
    header, lines = read_cells(path)
    header = [column.strip() for column in header]
    found = [column for column in header if column != "patient"]
    if "patient" not in header or not found:
        raise ConfigurationError(
            f"reader sheet {path} needs the columns patient, reader1, reader2, … (tab-separated)"
        )
    readers = [f"reader{number}" for number in range(1, len(found) + 1)]
    if wrong := [column for column in found if column not in readers or found.count(column) > 1]:
        raise ConfigurationError(
            f"reader sheet {path} has the column {wrong[0]!r}; name reader columns reader1, reader2, …, "
            "each once and without a gap"
        )
    rows = [dict(zip(header, (cell.strip() for cell in line), strict=True)) for _, line in lines]
    patients = [row["patient"] for row in rows]
    known, complete = set(known), set(needed)
    if repeated := [patient for patient, count in Counter(patients).items() if count > 1]:
        raise ConfigurationError(f"reader sheet {path} has patient {repeated[0]} twice; keep one row")
    if unknown := [patient for patient in patients if patient not in known]:
        raise ConfigurationError(
            f"reader sheet {path} has patient {unknown[0] or '(no id)'}, not in the cohort; correct the id "
            "or drop the row"
        )
    if missing := [patient for patient in needed if patient not in patients]:
        raise ConfigurationError(
            f"reader sheet {path} lacks {len(missing)} of {len(needed)} test patients, {missing[0]} first; "
            "add their rows, since readers and models must be compared on the same patients"
        )
    for reader in readers:
        for row in rows:
            allowed = ("0", "1") if row["patient"] in complete else ("0", "1", "")
            if row[reader] not in allowed:
                raise ConfigurationError(
                    f"reader sheet {path} has {row[reader]!r} for patient {row['patient']}, {reader}; "
                    "write 1 for mismatch present or 0 for absent"
                )
    return readers, {
        row["patient"]: [int(row[reader]) if row[reader] else None for reader in readers] for row in rows
    }
