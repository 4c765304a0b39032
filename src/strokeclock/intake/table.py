"""Tables as people export them: separated by tabs, semicolons or commas, with any line ends."""

from pathlib import Path

from strokeclock.cohort.cells import read_cells


def read_table(path: str | Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return what `read_cells` does, with cells without blanks around them; messages name the file alone."""
    header, rows = read_cells(path, separators="\t;,", name=Path(path).name)
    return header, [(number, [cell.strip() for cell in cells]) for number, cells in rows]
