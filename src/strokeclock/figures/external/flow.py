"""The patients of an external test, from the sheet to the answers (STARD)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from strokeclock.evaluation.external.flow import (
    ABSTAINED,
    ANSWERED,
    CALLED,
    ENTERED,
    LEFT_OUT,
    NO_READING,
    NOT_CALLED,
    TESTED,
)
from strokeclock.evaluation.tables import KEY
from strokeclock.figures.external.styles import NOTHING_READ, SIDES
from strokeclock.figures.rows import read_rows, split_rows, title_of, write_instead
from strokeclock.figures.sheet import LINE
from strokeclock.figures.style import INK, PALE, house_style

PANEL_IN = 4.3
_MAIN, _BESIDE = 2, 152  # left edges in points
_WIDTH, _PAD, _GAP = 134, 6, 12  # of a box, about its words, between boxes, in points
WORDS = {
    "no_lesion": "no lesion found",
    "side_unclear": "side not clear",
    "both_sides": "lesions on both sides",
    "unlike_training": "unlike the training patients",
    "quality_fail": "failed the quality checks",
    "missing_series": "a series is missing",
}


def draw_external_flow(table: str | Path) -> Figure:
    """Draw the first row's patients from tables/external_flow.csv, a panel for each way to a side."""
    rows = read_rows(table)
    rows = rows[rows["step"] != ""]
    with house_style():
        if rows.empty:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, NOTHING_READ)
            return figure
        first = rows.iloc[0]
        own = rows[(rows[["target", *KEY]] == first[["target", *KEY]]).all(axis=1)]
        panels = {side: part for (side,), part in split_rows(own, ["side"])}
        heights = {side: _measure(part) for side, part in panels.items()}
        figure = Figure(
            figsize=(PANEL_IN * len(panels), max(heights.values()) / 72 + 0.5), layout="constrained"
        )
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (side, part) in zip(axes, panels.items(), strict=True):
            axis.set(xlim=(0, _BESIDE + _WIDTH + 2), ylim=(max(heights.values()), 0))
            axis.set_axis_off()
            _draw_panel(axis, part, first["target"])
            axis.set_title(SIDES[side].label)
        figure.suptitle(title_of(first["model"], first["start"]), fontsize=10)
        return figure


def _texts(rows: pd.DataFrame, target: str) -> list[tuple[str, str]]:
    """Pairs of a box in the main line, and of the box of who leaves it before the next one; "": none."""

    def heads(step: str) -> pd.Series:
        return rows[(rows["step"] == step) & (rows["what"] == "")].iloc[0]

    def reasons(step: str) -> list[str]:
        inner = rows[(rows["step"] == step) & (rows["what"] != "")]
        counts = zip(inner["what"], inner["n"], strict=True)
        return sorted(f"{WORDS.get(what, what)}: {n:.0f}" for what, n in counts)

    def classes(row: pd.Series) -> str:
        return f"{target}: {row['positives']:.0f}, others: {row['negatives']:.0f}"

    def leaving(step: str) -> str:
        row = heads(step)
        if not row["n"]:
            return ""
        known = [] if step == LEFT_OUT else [classes(row)]
        return "\n".join([f"{step.capitalize()}: {row['n']:.0f}", *known, *reasons(step)])

    tested, answered = heads(TESTED), heads(ANSWERED)
    return [
        (f"Entered: {heads(ENTERED)['n']:.0f}", leaving(LEFT_OUT)),
        (f"Tested: {tested['n']:.0f}\n{classes(tested)}", leaving(NO_READING)),
        (f"With a reading: {tested['n'] - heads(NO_READING)['n']:.0f}", leaving(ABSTAINED)),
        (f"Answered: {answered['n']:.0f}\n{classes(answered)}", ""),
    ]


def _measure(rows: pd.DataFrame) -> float:
    """Points that a panel is high."""
    heights = [_height(main) + _height(beside) for main, beside in _texts(rows, "")]
    return sum(heights) + 2 * _GAP * len(heights) + 2 * _height("x\nx")


def _height(text: str) -> float:
    return LINE * (text.count("\n") + 1) + 2 * _PAD if text else 0


def _draw_panel(axis: Axes, rows: pd.DataFrame, target: str) -> None:
    top = 2.0
    texts = _texts(rows, target)
    for number, (main, beside) in enumerate(texts):
        _box(axis, main, _MAIN, top)
        middle, bottom = _MAIN + _WIDTH / 2, top + _height(main)
        after = bottom + 2 * _GAP + _height(beside)
        if beside:
            place = bottom + _GAP + _height(beside) / 2
            _arrow(axis, (middle, place), (_BESIDE, place))
            _box(axis, beside, _BESIDE, bottom + _GAP, colour=PALE)
        if number < len(texts) - 1:
            _arrow(axis, (middle, bottom), (middle, after))
            top = after
    calls = rows[(rows["step"] == ANSWERED) & rows["what"].isin([CALLED, NOT_CALLED])]
    after = bottom + 2 * _GAP
    for place, (what, name) in zip(
        (_MAIN, _BESIDE), ((CALLED, f"Called {target}"), (NOT_CALLED, f"Not called {target}")), strict=True
    ):
        found = calls[calls["what"] == what]
        n, positives = (int(found[column].sum()) for column in ("n", "positives"))
        _arrow(axis, (middle, bottom), (place + _WIDTH / 2, after))
        _box(axis, f"{name}: {n}\n{target}: {positives}, others: {n - positives}", place, after)


def _box(axis: Axes, text: str, left: float, top: float, *, colour: str = INK) -> None:
    axis.add_patch(Rectangle((left, top), _WIDTH, _height(text), fill=False, edgecolor=colour, linewidth=0.8))
    axis.text(left + _PAD, top + _height(text) / 2, text, va="center", fontsize=7, linespacing=LINE / 7)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=style)
