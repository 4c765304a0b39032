"""Tables as people export them: separated by tabs, semicolons or commas, with any line ends."""

import csv
import io
from pathlib import Path

from strokeclock.errors import ConfigurationError

_SEPARATORS = "\t;,"


def read_table(path: str | Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and the number and cells of each line that is not blank; cells without blanks.

    The separator is the one that the header holds most often. An empty file has an empty header.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not UTF-8, or has a line with more or fewer cells than the header.
    """
    name = Path(path).name
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read ({error.strerror}): correct its path.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} is not UTF-8 text: export it as UTF-8, with tabs.") from None
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    try:
        header = [cell.strip() for cell in next(lines, [])]
        rows = [
            (lines.line_num, [cell.strip() for cell in line])
            for line in lines
            if any(cell.strip() for cell in line)
        ]
    except csv.Error:
        raise ConfigurationError(f"{name} is no table: export it again as UTF-8, with tabs.") from None
    for number, line in rows:
        if len(line) != len(header):
            raise ConfigurationError(
                f"{name} line {number} has {len(line)} cells where the header has {len(header)}: correct its "
                "separators and quotes."
            )
    return header, rows
