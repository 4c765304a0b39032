"""What files hold, read without complaint: any file may lie in the folders that are searched."""

import json
from pathlib import Path
from typing import Any

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import StrokeclockError


def read_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 are replaced."""
    return path.read_text(encoding="utf-8", errors="replace")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file; {} where it holds none."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def read_identifiers(path: Path) -> list[str]:
    """The column patient of a table; [] where the file has none."""
    try:
        header, lines = read_cells(path)
    except StrokeclockError:
        return []
    return [cells[header.index("patient")] for _, cells in lines] if "patient" in header else []
