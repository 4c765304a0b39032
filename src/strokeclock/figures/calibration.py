"""Reliability of every row's scores: observed share against mean score, before and after scaling."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.calibration import AS_PREDICTED, SCALED
from strokeclock.evaluation.tables import KEY
from strokeclock.figures.rows import read_rows, split_rows, tile, title_of, write_instead
from strokeclock.figures.style import BLUE, INK, PALE, house_style

GROUP = ["target", *KEY]


def draw_calibration(table: str | Path, reliability: str | Path) -> Figure:
    """Draw a panel a row from tables/calibration.csv and reliability.csv."""
    lines = read_rows(table).set_index([*GROUP, "scores"]).sort_index()
    groups = {key: bins.set_index("scores") for key, bins in split_rows(read_rows(reliability), GROUP)}
    with house_style():
        figure, axes = tile(groups, columns=5)
        for axis, (key, bins) in zip(axes, groups.items(), strict=False):
            target, _, model, start = key
            _draw_panel(axis, bins, lines.loc[key, :])
            axis.set_title(f"{title_of(model, start)}\n{target}", fontsize=7)
        if groups:
            figure.supxlabel("Score (test part)", fontsize=8)
            figure.supylabel("Observed share, interval by Wilson", fontsize=8)
            figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        else:
            write_instead(figure, "No row was run.")
        return figure


def _draw_panel(axis: Axes, bins: pd.DataFrame, lines: pd.DataFrame) -> None:
    axis.plot([0, 1], [0, 1], color=PALE, linewidth=0.8)
    before = bins.loc[[AS_PREDICTED]]
    axis.plot(
        before["mean_score"],
        before["observed"],
        "o--",
        color=INK,
        markerfacecolor="white",
        markersize=3.5,
        linewidth=0.8,
        label=AS_PREDICTED,
    )
    if SCALED in bins.index:
        after = bins.loc[[SCALED]]
        axis.vlines(
            after["mean_score"], after["observed_low"], after["observed_high"], color=BLUE, linewidth=0.8
        )
        axis.plot(
            after["mean_score"],
            after["observed"],
            "o-",
            color=BLUE,
            markersize=3.5,
            linewidth=1.2,
            label=SCALED,
        )
        slope, brier = lines.loc[[SCALED], ["slope", "brier"]].to_numpy(float)[0]
        text = "no slope" if np.isnan(slope) else f"slope {slope:.2f}"
        axis.text(0.04, 0.95, f"{text}\nBrier {brier:.3f}", va="top", fontsize=6.5)
    else:
        axis.text(0.04, 0.95, "not scaled", va="top", fontsize=6.5)
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
