"""cohort.tsv of an import: people correct it, so only a sheet that is as an import wrote it is replaced."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.onset import MINUTES
from strokeclock.cohort.sheet import COLUMNS
from strokeclock.errors import ConfigurationError
from strokeclock.files import replacing, write_whole
from strokeclock.intake.selection import NONE
from strokeclock.series import SERIES

_ALWAYS = {"patient", "person", *SERIES, "b_value", MINUTES, "lesion_side", "field_t"}


def check_unedited(sheet: Path) -> None:
    """Raise ConfigurationError where a sheet is there that no import wrote so: its edits would be lost."""
    if sheet.exists() and _digest(sheet) not in _read_digests(sheet):
        raise ConfigurationError(
            f"{sheet.name} in the output is not as an import wrote it, maybe by a person's corrections. They "
            "would be lost: write them into the table of persons (--participants) and rename or delete "
            f"{sheet.name}, or name another folder with --out."
        )


def write_sheet(sheet: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write a sheet and, beside it, its digest, by which `check_unedited` knows it.

    Written are the columns that hold anything, those that people fill, and those that the protocol reads.
    """
    columns = [column for column in COLUMNS if column in _ALWAYS or any(row.get(column) for row in rows)]
    earlier = _read_digests(sheet)
    with replacing(sheet) as beside:
        write_cells(beside, columns, ([row.get(column) or NONE for column in columns] for row in rows))
        digest = _digest(beside)
        # Both, until the sheet is replaced: where that fails, neither of the two sheets is taken for edited.
        _write_digests(sheet, [*earlier, digest])
    _write_digests(sheet, [digest])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _name_digests(sheet: Path) -> Path:
    return sheet.with_name(f"{sheet.name}.sha256")


def _read_digests(sheet: Path) -> list[str]:
    path = _name_digests(sheet)
    return path.read_text(encoding="utf-8", errors="replace").split() if path.exists() else []


def _write_digests(sheet: Path, digests: Sequence[str]) -> None:
    write_whole(_name_digests(sheet), "".join(f"{digest}\n" for digest in digests))
