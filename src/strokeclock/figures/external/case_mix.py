"""The external patients beside the development's: medians with quartiles, shares, and their differences."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.rows import read_rows, write_instead
from strokeclock.figures.style import BLUE, INK, ORANGE, PALE, house_style

PLACES = {"development": (INK, "o"), "external": (ORANGE, "D")}
SMALL = 0.1  # a standardised difference below it is usually called small (Austin 2009)
_LINE_IN = 0.36
LOGARITHMIC = ("TSS, min", "lesion volume, mL")


def draw_external_case_mix(table: str | Path) -> Figure:
    """Draw a line a number or share from tables/external_case_mix.csv."""
    rows = read_rows(table)
    rows = rows[rows[["development", "external"]].notna().any(axis=1)] if len(rows) else rows
    with house_style():
        if rows.empty:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, "Nothing is known of the patients.")
            return figure
        figure = Figure(figsize=(6.5, _LINE_IN * len(rows) + 1.0), layout="constrained")
        axes = figure.subplots(len(rows), 2, squeeze=False, gridspec_kw={"width_ratios": [3, 1.4]})
        widest = max(1.0, rows["smd"].abs().max() * 1.1 if rows["smd"].notna().any() else 1.0)
        for (left, right), row in zip(axes, rows.to_dict("records"), strict=True):
            _draw_values(left, row)
            _draw_difference(right, row["smd"], widest, is_last=right is axes[-1, 1])
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2)
        axes[-1, 1].set_xlabel("Standardised difference", fontsize=7)
        return figure


def _draw_values(axis: Axes, row: Mapping[Hashable, Any]) -> None:
    is_share = row["level"] != ""
    for place, (name, (colour, marker)) in enumerate(PLACES.items()):
        value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
        axis.plot([low, high], [place, place], color=colour, linewidth=1.6)
        axis.plot(value, place, marker, color=colour, markersize=4, linestyle="", label=name)
    title = f"{row['variable']}: {row['level']}" if is_share else row["variable"]
    axis.set_ylabel(title, rotation=0, ha="right", va="center", fontsize=7)
    axis.set(yticks=[], ylim=(1.7, -0.7))
    values = [row[f"{name}{end}"] for name in PLACES for end in ("", "_low", "_high")]
    if is_share:
        axis.set(xlim=(-0.02, 1.02), xticks=[0, 0.5, 1], xticklabels=["0 %", "50 %", "100 %"])
    elif row["variable"] in LOGARITHMIC and np.nanmin(values) > 0:
        axis.set_xscale("log")
        axis.set_xticks(ticks := _ticks(values), [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
    axis.spines["left"].set_visible(False)
    axis.tick_params(labelsize=6, pad=1, length=2)


def _ticks(values: list[float]) -> list[float]:
    """The lowest, the middle and the greatest value, to two digits."""
    found = np.array(values, float)
    found = found[~np.isnan(found)]
    return sorted({float(f"{value:.2g}") for value in (found.min(), np.median(found), found.max())})


def _draw_difference(axis: Axes, value: float, widest: float, *, is_last: bool) -> None:
    axis.axvspan(-SMALL, SMALL, color=PALE, alpha=0.25, linewidth=0)
    axis.axvline(0, color=PALE, linewidth=0.8)
    if pd.isna(value):
        axis.text(0, 0, "no value", ha="center", va="center", fontsize=6)
    else:
        axis.plot(value, 0, "o", color=BLUE, markersize=4)
    axis.set(xlim=(-widest, widest), ylim=(-1, 1), yticks=[])
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.tick_params(labelbottom=is_last, bottom=is_last, labelsize=6, pad=1, length=2)
