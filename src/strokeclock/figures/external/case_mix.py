"""The external patients beside the development's: medians with quartiles, shares, and their differences."""

from pathlib import Path

from matplotlib.figure import Figure

from strokeclock.figures.case_mix import Line, Mark, draw_lines, take_values
from strokeclock.figures.rows import read_rows
from strokeclock.figures.style import BLUE, INK, ORANGE

PLACES = {
    "development": Mark("development", INK, "o"),
    "external": Mark("external", ORANGE, "D"),
}
DIFFERENCE = {"smd": Mark("external minus development", BLUE, "o")}


def draw_external_case_mix(table: str | Path) -> Figure:
    """Draw a line a number or share from tables/external_case_mix.csv."""
    rows = read_rows(table)
    rows = rows[rows[[*PLACES]].notna().any(axis=1)] if len(rows) else rows
    lines = [
        Line(
            f"{row['variable']}: {row['level']}" if row["level"] else row["variable"],
            row["level"] != "",
            take_values(row, PLACES),
            {"smd": row["smd"]},
        )
        for row in rows.to_dict("records")
    ]
    return draw_lines(lines, PLACES, DIFFERENCE, title="Standardised difference")
