"""A tab-separated file, read strictly: in UTF-8, and as many cells in a line as in its header."""

import csv
from pathlib import Path

from strokeclock.errors import ConfigurationError, StrokeclockError


def read_cells(
    path: str | Path, *, error: type[StrokeclockError] = ConfigurationError, mend: str = "mend its tabs"
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and of each line that is not blank its number and cells.

    An empty file has an empty header. Raises `error`, in one sentence that ends in `mend`, where a line has
    more or fewer cells than the header or the file is no text.
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
                f"{path} line {number} has {len(line)} cells where the header has {len(header)}: {mend}."
            )
    return header, table
