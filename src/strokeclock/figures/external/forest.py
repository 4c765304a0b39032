"""Forest plot of an external test: AUC and accuracy in groups of patients."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.external.performance import ALL as EVERYBODY
from strokeclock.evaluation.subgroups import ALL, NOT_GIVEN
from strokeclock.figures.external.styles import NOTHING_READ, SIDES
from strokeclock.figures.rows import read_rows, split_rows, title_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style

COLUMN = ["target", "stage", "model", "start", "side"]
_SHIFT = 0.16  # of AUC and accuracy from the middle of a line
LOWEST = 0.3  # of the axis, unless a value is lower


def draw_external_forest(table: str | Path) -> Figure:
    """Draw a column a row and side from tables/external_subgroups.csv, of all patients."""
    rows = read_rows(table)
    rows = rows[(rows["patients"] == EVERYBODY) & (rows["group"] != NOT_GIVEN)]
    columns = {key: part.set_index(["variable", "group"]) for key, part in split_rows(rows, COLUMN)}
    some = rows[(rows["n"] > 0) | (rows["variable"] == ALL)]
    lines = list(dict.fromkeys(some[["variable", "group"]].itertuples(index=False, name=None)))
    with house_style():
        if not columns:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, NOTHING_READ)
            return figure
        figure = Figure(figsize=(2.6 + 1.7 * len(columns), 0.21 * len(lines) + 1.5), layout="constrained")
        axes = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
        lowest = rows[["auc_low", "accuracy_low"]].min().min()
        for axis, ((target, _, model, start, side), part) in zip(axes, columns.items(), strict=True):
            _draw_column(axis, part.reindex(lines), SIDES[side].colour)
            axis.set_title(f"{title_of(model, start)}\n{target}\n{SIDES[side].label}", fontsize=7)
            axis.set_xlim(min(LOWEST, lowest) if lowest == lowest else LOWEST, 1.02)
        shown = next(iter(columns.values())).reindex(lines)
        axes[0].set_yticks(range(len(lines)), [_label(row) for row in shown.itertuples()])
        axes[0].set_ylim(len(lines) - 0.4, -0.6)
        axes[0].set_ylabel("Group (patients with the shorter time of all)")
        figure.supxlabel("AUC (circles), accuracy at the frozen threshold (squares)", fontsize=8)
        return figure


def _label(row: Any) -> str:
    variable, group = row.Index
    name = "all patients" if variable == ALL else f"{variable}: {group}"
    return f"{name}  ({row.positives:.0f} of {row.n:.0f})" if row.n == row.n else name


def _draw_column(axis: Axes, cells: pd.DataFrame, colour: str) -> None:
    axis.axvline(0.5, color=PALE, linewidth=0.8)
    first = cells.iloc[0]
    if not pd.isna(first["auc"]):
        axis.axvline(first["auc"], color=colour, linewidth=0.8, linestyle=":")
    for place, (_, row) in enumerate(cells.iterrows()):
        if pd.isna(row["auc"]) and pd.isna(row["accuracy"]):
            axis.text(0.52, place, "too few", va="center", fontsize=6, color=INK)
        for name, at, marker, ink, face in (
            ("auc", place - _SHIFT, "o", colour, colour),
            ("accuracy", place + _SHIFT, "s", INK, "white"),
        ):
            axis.plot([row[f"{name}_low"], row[f"{name}_high"]], [at, at], color=ink, linewidth=1.0)
            axis.plot(row[name], at, marker, color=ink, markerfacecolor=face, markersize=3.5)
    axis.set_xticks([0.5, 0.75, 1])
    axis.tick_params(axis="y", length=0)
