"""The AUC of each row of Table 2 in each of several splits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokeclock.evaluation.repeats import measure_overlap
from strokeclock.evaluation.tables import KEY
from strokeclock.figures.rows import read_rows, split_rows, style_of, title_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style

ROW_IN = 0.22  # of a row's height
LEAST_AUC = 0.4  # at the left end, where no row is lower


def draw_repeats(
    table: str | Path, by_split: str | Path, *, splits: Sequence[str | Path], confidence: float
) -> Figure:
    """Draw a line a row, with a dot a split, the mean and its interval; a heading a phase.

    Parameters
    ----------
    table, by_split : paths
        tables/repeats.csv and repeats_splits.csv (`evaluation.repeats.write_repeats`).
    splits : paths
        cohort/split.tsv of each split.
    confidence : float
        Of the intervals.
    """
    rows, single = read_rows(table), read_rows(by_split)
    rows, single = rows[rows["auc_mean"].notna()], single[single["auc"].notna()]
    with house_style():
        if rows.empty:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, "No row of Table 2 has an AUC.")
            return figure
        stages = rows["stage"].nunique()
        figure = Figure(figsize=(6.5, ROW_IN * (len(rows) + 1.4 * stages) + 1.3), layout="constrained")
        axis = figure.subplots()
        labels: dict[float, str] = {}
        place = 0.0
        for (stage, target), of_stage in split_rows(rows, ("stage", "target")):
            axis.text(
                0,
                place,
                _title(stage, target),
                va="center",
                weight="bold",
                backgroundcolor="white",
                transform=axis.get_yaxis_transform(),
            )
            place += 1
            for row in of_stage.to_dict("records"):
                own = single[(single[list(KEY)] == [row[name] for name in KEY]).all(axis=1)]
                _draw_row(axis, place, row, own)
                labels[place] = title_of(row["model"], row["start"])
                place += 1
            place += 0.4
        axis.set_yticks([*labels], [*labels.values()])
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(place - 0.4, -0.8)
        axis.set_xlim(min(LEAST_AUC, single["auc"].min() - 0.02), 1.005)
        axis.axvline(0.5, color=PALE, linewidth=0.8, zorder=0)
        axis.set_xlabel(f"AUC on the test part of each split; {confidence:.0%} interval of the mean")
        figure.legend(handles=_explain(), loc="outside lower center", ncols=3)
        overlap = measure_overlap(splits)
        figure.suptitle(
            f"{len(splits)} splits of {overlap.patients} patients: {overlap.tested} were tested, "
            f"{overlap.again} of them in several splits;\n"
            f"{overlap.learned} of them are in the training or validation part of another split",
            fontsize=8,
        )
        return figure


def _title(stage: str, target: str) -> str:
    phase, *more = stage.split("_")
    attention = ", with attention" if "attention" in more else ""
    return f"Phase {phase.removeprefix('phase')}{attention}: {target}"


def _draw_row(axis: Axes, place: float, row: dict, own: pd.DataFrame) -> None:
    colour = style_of(row["model"], row["start"]).colour
    colour = INK if colour == PALE else colour
    if pd.notna(row["auc_low"]):
        axis.plot([row["auc_low"], row["auc_high"]], [place, place], color=colour, linewidth=0.8, zorder=1)
    axis.plot(own["auc"], [place] * len(own), "o", color="white", markeredgecolor=colour, markersize=4)
    first = own[own["split"] == own["split"].min()]
    axis.plot(first["auc"], [place] * len(first), "o", color=colour, markersize=4)
    axis.plot(row["auc_mean"], place, "|", color=colour, markersize=11, markeredgewidth=1.6)


def _explain() -> list[Line2D]:
    dot: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 4, "linestyle": ""}
    return [
        Line2D([], [], **dot, label="this run's split"),
        Line2D([], [], **dot | {"markerfacecolor": "white"}, label="further splits"),
        Line2D([], [], color=INK, marker="|", markersize=9, linewidth=0.8, label="mean and interval"),
    ]
