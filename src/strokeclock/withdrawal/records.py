"""Snakemake's records of outputs that name a patient."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

from strokeclock.withdrawal.contents import read_text
from strokeclock.withdrawal.names import NamesOf

FOLDERS = ("metadata", "incomplete")  # in .snakemake, with a file for each output


def find_records(root: Path, own: NamesOf) -> Iterator[tuple[Path, Path]]:
    """Yield the records that name the patient, each with the path of its output."""
    for folder in (root / ".snakemake" / name for name in FOLDERS):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if not path.is_dir() and own.in_text(f"{_decode_output(path, folder)} {read_text(path)}"):
                yield path, root / _decode_output(path, folder)


def is_of_other_run(output: Path, *, run: str, root: Path) -> bool:
    """Whether an output lies in another run's results: that run's own list has its record."""
    parts = (output.relative_to(root) if output.is_relative_to(root) else output).parts
    return parts[:1] == ("results",) and parts[1:2] != (run,)


def _decode_output(path: Path, folder: Path) -> str:
    """The output of a record: Snakemake names the file so, in parts that begin with @ where it is long."""
    name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
    try:
        return urlsafe_b64decode(name).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name
