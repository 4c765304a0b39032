"""A CSV as a person reads it: values with their intervals in one cell, few digits, blanks for nothing."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_ROWS = 200
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_PATH = re.compile(r"(?<![\w.])/(?:[^\s/,;:'\"]+/)+")


@dataclass(frozen=True)
class Table:
    """`rows` are cells of text under `titles`; `numeric`, of each column; `total` rows are in the file."""

    name: str
    titles: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    total: int


def read_table(path: str | Path) -> Table:
    """Read a CSV, or a TSV, to be shown.

    A column with its ends in ``…_low`` and ``…_high`` becomes one. A column where no row has anything is
    left out. Of more than `MOST_ROWS` rows the first are kept.
    """
    path = Path(path)
    with open(path, newline="", encoding="utf-8") as file:
        lines = [*csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")]
    names = [name for name in lines[0] if any(line[name] for line in lines)] if lines else []
    ends = {f"{name}{end}" for name in names for end in ("_low", "_high")}
    shown = [name for name in names if name not in ends]
    return Table(
        name=path.name,
        titles=[name.replace("_", " ") for name in shown],
        rows=[[_show(line, name) for name in shown] for line in lines[:MOST_ROWS]],
        numeric=[all(_NUMBER.fullmatch(line[name]) for line in lines if line[name]) for name in shown],
        total=len(lines),
    )


def shorten(number: str) -> str:
    """A number with three digits that count; any other text without the folders of its paths."""
    if not _NUMBER.fullmatch(number):
        return hide_folders(number)
    if re.fullmatch(r"-?\d+", number):
        return number
    value = float(number)
    if value and not 5e-4 <= abs(value) < 1e5:
        return f"{value:.2e}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def hide_folders(text: str) -> str:
    """The text with absolute paths cut down to their files' names."""
    return _PATH.sub("", text)


def _show(line: Mapping[str, str], name: str) -> str:
    value, low, high = (line.get(f"{name}{end}") or "" for end in ("", "_low", "_high"))
    shown = shorten(value)
    return f"{shown} [{shorten(low)}, {shorten(high)}]" if value and low and high else shown
