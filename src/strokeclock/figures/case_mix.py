"""Groups of patients side by side: medians with quartiles, shares, and standardised differences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.case_mix import COMPARED, SMALL
from strokeclock.evaluation.external.case_mix import IMPLIED
from strokeclock.figures.rows import read_rows, write_instead
from strokeclock.figures.style import BLUE, INK, ORANGE, PALE, house_style

LOGARITHMIC = ("TSS, min", "lesion volume, mL")
MOST_LEVELS = 6  # of a category that is drawn level by level
NOTHING = "Nothing is known of the patients."
_LINE_IN = 0.36
_ENDS = ("", "_low", "_high")


class Mark(NamedTuple):
    """How a group, or a difference, is drawn."""

    label: str
    colour: str
    marker: str


PARTS = {
    "train": Mark("training", INK, "o"),
    "validation": Mark("validation", BLUE, "s"),
    "test": Mark("test", ORANGE, "D"),
}


class Line(NamedTuple):
    """A line of the figure.

    values : group -> value and ends of its quartiles, NaN where it has none.
    differences : name -> standardised difference; NaN: there is none. Empty: the line has no place for one.
    """

    title: str
    is_share: bool
    values: Mapping[str, tuple[float, float, float]]
    differences: Mapping[str, float]


def draw_case_mix(table: str | Path) -> Figure:
    """Draw tables/case_mix.csv: the three parts, and how far two of them differ from the training part.

    The difference of a category stands on the line of its first level. Of two levels, one is drawn; of more
    than `MOST_LEVELS`, none.
    """
    rows = read_rows(table)
    lines: list[Line] = []
    for _, own in rows.groupby("variable", sort=False):
        head, *levels = own.to_dict("records")
        differences = {part: head[f"smd_{part}"] for part in COMPARED}
        if not levels:
            if any(head[f"{part}_n"] for part in PARTS):
                lines.append(Line(head["variable"], False, take_values(head, PARTS), differences))
            continue
        shown = [level for level in levels if level["level"] not in IMPLIED]
        if len(shown) > MOST_LEVELS:
            title = f"{head['variable']}: {len(levels)} levels"
            lines.append(Line(title, True, {}, differences))
            continue
        for level in shown:
            title = f"{head['variable']}: {level['level']}"
            lines.append(
                Line(title, True, take_values(level, PARTS), differences if level is shown[0] else {})
            )
    marks = {part: PARTS[part] for part in COMPARED}
    return draw_lines(lines, PARTS, marks, title="Standardised difference\nfrom the training part")


def take_values(row: Mapping[Any, Any], groups: Mapping[str, Mark]) -> dict[str, tuple[float, float, float]]:
    """The columns of each group in a row."""
    found = {name: [float(row[f"{name}{end}"]) for end in _ENDS] for name in groups}
    return {name: (value, low, high) for name, (value, low, high) in found.items()}


def draw_lines(
    lines: Sequence[Line], groups: Mapping[str, Mark], differences: Mapping[str, Mark], *, title: str
) -> Figure:
    """Draw the lines below each other: values on the left, differences on the right.

    Parameters
    ----------
    groups, differences : name in the lines -> how it is drawn.
    title : below the differences.
    """
    with house_style():
        if not lines:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, NOTHING)
            return figure
        figure = Figure(figsize=(6.5, _LINE_IN * len(lines) + 1.0), layout="constrained")
        axes = figure.subplots(len(lines), 2, squeeze=False, gridspec_kw={"width_ratios": [3, 1.4]})
        found = [abs(value) for line in lines for value in line.differences.values() if not np.isnan(value)]
        widest = max(0.5, 1.1 * max(found, default=0.5))
        for (left, right), line in zip(axes, lines, strict=True):
            _draw_values(left, line, groups)
            _draw_differences(right, line.differences, differences, widest, is_last=right is axes[-1, 1])
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(groups))
        axes[-1, 1].set_xlabel(title, fontsize=7)
        return figure


def _draw_values(axis: Axes, line: Line, groups: Mapping[str, Mark]) -> None:
    for place, (name, mark) in enumerate(groups.items()):
        value, low, high = line.values.get(name, (np.nan, np.nan, np.nan))
        axis.plot([low, high], [place, place], color=mark.colour, linewidth=1.6)
        axis.plot(value, place, mark.marker, color=mark.colour, markersize=4, linestyle="", label=mark.label)
    axis.set_ylabel(line.title, rotation=0, ha="right", va="center", fontsize=7)
    axis.set(yticks=[], ylim=(len(groups) - 0.3, -0.7))
    values = [value for ends in line.values.values() for value in ends]
    if not values:
        axis.set(xticks=[])
        axis.spines["bottom"].set_visible(False)
    elif line.is_share:
        axis.set(xlim=(-0.02, 1.02), xticks=[0, 0.5, 1], xticklabels=["0 %", "50 %", "100 %"])
    elif line.title in LOGARITHMIC and np.nanmin(values) > 0:
        axis.set_xscale("log")
        axis.set_xticks(ticks := _ticks(values), [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axis.spines["left"].set_visible(False)
    axis.tick_params(labelsize=6, pad=1, length=2)


def _ticks(values: Sequence[float]) -> list[float]:
    """The lowest, the middle and the greatest value, to two digits."""
    found = np.array(values, float)
    found = found[~np.isnan(found)]
    return sorted({float(f"{value:.2g}") for value in (found.min(), np.median(found), found.max())})


def _draw_differences(
    axis: Axes, values: Mapping[str, float], marks: Mapping[str, Mark], widest: float, *, is_last: bool
) -> None:
    axis.axvspan(-SMALL, SMALL, color=PALE, alpha=0.25, linewidth=0)
    axis.axvline(0, color=PALE, linewidth=0.8)
    drawn = {name: value for name, value in values.items() if not pd.isna(value)}
    if values and not drawn:
        axis.text(0, 0, "no value", ha="center", va="center", fontsize=6)
    places = np.linspace(-0.4, 0.4, len(marks)) if len(marks) > 1 else [0.0]
    for place, (name, mark) in zip(places, marks.items(), strict=True):
        if name in drawn:
            axis.plot(drawn[name], place, mark.marker, color=mark.colour, markersize=4)
    axis.set(xlim=(-widest, widest), ylim=(1, -1), yticks=[])
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.tick_params(labelbottom=is_last, bottom=is_last, labelsize=6, pad=1, length=2)
