"""Tables as tab-separated text: one strict reader for people's files and the run's own, and one writer."""

import csv
import io
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from strokeclock.errors import ConfigurationError, StrokeclockError
from strokeclock.files import write_whole

Refuse = Callable[[str, str], StrokeclockError]  # of a fault and its own remedy

_LARGEST = 100_000_000  # bytes; the table of 100,000 patients has 30 million
_LINE_END = re.compile(r"\r\n|\r|\n")
# What would end a cell or a line, for this reader or another one.
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_SAVE = "save it as tab-separated text (.tsv) in UTF-8"
_BEGINNINGS = (
    (b"PK\x03\x04", "is an Excel, OpenDocument or zip file"),
    (b"\xd0\xcf\x11\xe0", "is an Excel file"),
    (b"\x1f\x8b", "is compressed"),
    (b"\xff\xfe", "is UTF-16 text"),
    (b"\xfe\xff", "is UTF-16 text"),
)


def read_cells(
    path: str | Path,
    *,
    error: type[StrokeclockError] = ConfigurationError,
    remedy: str = "",
    separators: str = "\t",
    name: str | Path | None = None,
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and the number and cells of each line that is not blank.

    Lines end in LF, CRLF or CR. A cell may stand in quotation marks, as Excel writes cells with commas; it
    ends on its line. Blank cells behind the header's last column are left out. The header's names lose the
    blanks around them; the cells stay as they are. An empty file has an empty header.

    Parameters
    ----------
    error : what is raised.
    remedy : the end of every message; by default each fault has its own.
    separators : which may stand between cells; of several, the one that the header holds most often.
    name : what messages call the file; by default its path.

    Raises
    ------
    error
        The file cannot be read, is no UTF-8 text, is not separated by tabs, has an open quotation mark, a
        column without a name, or a line with more or fewer cells than the header. One sentence.
    """

    def refuse(fault: str, own_remedy: str) -> StrokeclockError:
        return error(f"{name or path} {fault}: {remedy or own_remedy}.")

    text = _decode(_read_bytes(path, refuse=refuse), refuse=refuse)
    lines = [(number, line) for number, line in enumerate(_LINE_END.split(text), 1) if line.strip()]
    separator = max(separators, key=lines[0][1].count) if lines else separators
    header: list[str] = []
    table = []
    for number, line in lines:
        try:
            cells = _split(line, separator)
        except csv.Error:
            raise refuse(
                f"line {number} has a quotation mark that opens a cell and does not close it",
                "remove it, or close it on the same line",
            ) from None
        if not header:
            header = _read_header(cells, refuse=refuse)
            continue
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(header):
            raise refuse(
                f"line {number} has {len(cells)} cells where the header has {len(header)}",
                "correct its tabs" if separators == "\t" else "correct its separators and quotes",
            )
        if any(cell.strip() for cell in cells):
            table.append((number, cells))
    return header, table


def read_columns(
    path: str | Path, *names: str, error: type[StrokeclockError] = StrokeclockError
) -> list[tuple[str, ...]]:
    """Return the cells of these columns of a table of the run, a tuple a line; raises as `read_cells`."""
    remedy = "delete it and run again"
    header, lines = read_cells(path, error=error, remedy=remedy)
    if missing := [name for name in names if name not in header]:
        raise error(f"{path} lacks the column {missing[0]}: {remedy}.")
    places = [header.index(name) for name in names]
    return [tuple(cells[place] for place in places) for _, cells in lines]


def write_cells(
    path: str | Path,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    before: str | Path | None = None,
) -> None:
    """Write a table that `read_cells` reads back, whole or not at all; ``before`` as of `write_whole`.

    A tab, a line break and other control characters in a cell become a blank. ValueError for a row with more
    or fewer cells than the header.
    """
    text = io.StringIO()
    lines = csv.writer(text, delimiter="\t", lineterminator="\n")
    for row in (header, *rows):
        if len(row) != len(header):
            raise ValueError(f"{path}: a row has {len(row)} cells where the header has {len(header)}")
        lines.writerow([_BREAKS.sub(" ", str(cell)) for cell in row])
    write_whole(path, text.getvalue(), before=before)


def _read_bytes(path: str | Path, *, refuse: Refuse) -> bytes:
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise refuse("is a folder or no regular file", "name a file")
        if found.st_size > _LARGEST:
            raise refuse(
                f"has {found.st_size / 1e6:.0f} MB, more than a table of patients can have",
                "name another file",
            )
        return Path(path).read_bytes()
    except OSError as fault:
        raise refuse(f"cannot be read ({fault.strerror})", "correct its path or its permissions") from None


def _decode(content: bytes, *, refuse: Refuse) -> str:
    for beginning, fault in _BEGINNINGS:
        if content.startswith(beginning):
            raise refuse(fault, _SAVE)
    if b"\0" in content:
        raise refuse("holds bytes that are no text", _SAVE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = len(_LINE_END.findall(content[: fault.start].decode("latin-1"))) + 1
        raise refuse(f"is not UTF-8 text (line {line})", _SAVE) from None


def _split(line: str, separator: str) -> list[str]:
    """Return a line's cells; csv.Error where a quotation mark is open."""
    if '"' not in line:
        return line.split(separator)
    (cells,) = csv.reader([line], delimiter=separator, strict=True)
    return cells


def _read_header(cells: list[str], *, refuse: Refuse) -> list[str]:
    header = [cell.strip() for cell in cells]
    while len(header) > 1 and not header[-1]:
        header.pop()
    if "" in header:
        raise refuse(f"has no name for its column {header.index('') + 1}", "name it or remove it")
    for mark, name in ((";", "semicolons"), (",", "commas")):
        if len(header) == 1 and mark in header[0]:
            raise refuse(f"is separated by {name}", "export it as tab-separated text (.tsv)")
    return header
