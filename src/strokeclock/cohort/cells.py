"""Read a tab-separated file strictly: UTF-8, and in every line as many cells as in the header."""

import csv
from pathlib import Path

from strokeclock.errors import ConfigurationError, StrokeclockError


def read_cells(
    path: str | Path, *, error: type[StrokeclockError] = ConfigurationError, remedy: str = "correct its tabs"
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and the number and cells of each line that is not blank.

    An empty file has an empty header. Raises `error`, with a message of one sentence, if the file is not
    UTF-8 text or a line has more or fewer cells than the header; the latter message ends in `remedy`.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file, delimiter="\t")
            header = next(lines, [])
            table = [(lines.line_num, line) for line in lines if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error):
        raise error(f"{path} is not UTF-8 text: export the sheet as tab-separated text.") from None
    for number, line in table:
        if len(line) != len(header):
            raise error(
                f"{path} line {number} has {len(line)} cells where the header has {len(header)}: {remedy}."
            )
    return header, table
