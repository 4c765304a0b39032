"""A CSV for the page: values with their intervals in one cell, few digits, words for short names."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strokeclock.report.folders import hide_folders
from strokeclock.report.words import name_column, name_row, name_side, name_stage

MOST_ROWS = 200
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_WHOLE = re.compile(r"-?\d+")
_ENDS = ("", "_low", "_high")


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

    A column with its ends in ``…_low`` and ``…_high`` becomes one, as do a row's model and start. An empty
    column is left out. Of more than `MOST_ROWS` rows the first are kept.
    """
    path = Path(path)
    with open(path, newline="", encoding="utf-8") as file:
        lines = [_put_in_words(line) for line in csv.DictReader(file, delimiter=_delimiter(path))]
    names = [name for name in lines[0] if any(line[name] for line in lines)] if lines else []
    ends = {f"{name}{end}" for name in names for end in _ENDS[1:]}
    shown = [name for name in names if name not in ends]
    whole = {
        name: all(
            _WHOLE.fullmatch(cell)
            for line in lines
            for end in _ENDS
            if _NUMBER.fullmatch(cell := line.get(f"{name}{end}") or "")
        )
        for name in shown
    }
    return Table(
        name=path.name,
        titles=[name_column(name) for name in shown],
        rows=[[_show(line, name, whole[name]) for name in shown] for line in lines[:MOST_ROWS]],
        numeric=[all(_NUMBER.fullmatch(line[name]) for line in lines if line[name]) for name in shown],
        total=len(lines),
    )


def shorten(text: str, *, whole: bool = False) -> str:
    """A number with three significant digits or fewer; any other text without the folders of its paths.

    >>> [shorten(text) for text in ("0.8333333", "-123.456", "0.0000123", "/data/s1/dwi.nii.gz")]
    ['0.833', '−123.5', '1.23e−05', 'dwi.nii.gz']
    """
    if not _NUMBER.fullmatch(text):
        return hide_folders(text)
    value = float(text)
    if whole:
        shown = text
    elif value and not 5e-4 <= abs(value) < 1e5:
        shown = f"{value:.2e}"
    else:
        shown = f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
    return shown.replace("-", "−")


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","


def _put_in_words(line: Mapping[str, str]) -> dict[str, str]:
    named = dict(line)
    if "start" in named:
        named["model"] = name_row(named["model"], named.pop("start"))
    if "stage" in named:
        named["stage"] = name_stage(named["stage"])
    if {"a", "b"} <= named.keys():
        named |= {side: name_side(named[side]) for side in ("a", "b")}
    if {"difference", "low", "high"} <= named.keys():
        named |= {f"difference_{end}": named.pop(end) for end in ("low", "high")}
    return named


def _show(line: Mapping[str, str], name: str, whole: bool) -> str:
    value, low, high = (line.get(f"{name}{end}") or "" for end in _ENDS)
    shown = shorten(value, whole=whole)
    if not (value and low and high):
        return shown
    return f"{shown} [{shorten(low, whole=whole)}, {shorten(high, whole=whole)}]"
