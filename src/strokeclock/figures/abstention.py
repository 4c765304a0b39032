"""Abstention: rates of the answered patients against the share that is answered."""

from pathlib import Path

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.abstention import MARGIN, ONE_SEED, SPREAD
from strokeclock.evaluation.tables import KEY, RATES
from strokeclock.figures.rows import read_rows, split_rows, tile, title_of, write_instead
from strokeclock.figures.style import BLUE, GREEN, INK, ORANGE, VERMILION, house_style

GROUP = ["target", *KEY]


def draw_abstention(table: str | Path) -> Figure:
    """Draw a panel a network and start from tables/abstention.csv."""
    rows = read_rows(table)
    groups = {
        key: group.set_index("certainty")
        for key, group in split_rows(rows, GROUP)
        if group["answered"].notna().any()
    }
    with house_style():
        figure, axes = tile(groups, columns=4)
        for axis, (key, group) in zip(axes, groups.items(), strict=False):
            target, _, model, start = key
            _draw_panel(axis, group)
            axis.set_title(f"{title_of(model, start)}\n{target}", fontsize=7)
        if groups:
            lowest = rows[["answered", *RATES]].min()
            axis.set(
                xlim=(1.03, min(0.4, lowest["answered"]) - 0.03),
                ylim=(min(0.4, lowest[list(RATES)].min()), 1.01),
            )
            figure.supxlabel("Share of test patients answered", fontsize=8)
            figure.supylabel("Of the answered", fontsize=8)
            handles: dict[str, Artist] = {}
            for axis in figure.axes:
                handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
            figure.legend(
                [*handles.values()], [*handles], loc="outside upper center", ncols=2, handlelength=3.4
            )
        else:
            write_instead(figure, "No network with a TSS target was run.")
        return figure


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> None:
    margin = rows.loc[[MARGIN]]
    for name, colour, line in (("sensitivity", GREEN, ":"), ("specificity", VERMILION, "-.")):
        label = f"{name} (distance to the threshold)"
        axis.plot(margin["answered"], margin[name], color=colour, linestyle=line, linewidth=1.2, label=label)
    spread = rows.loc[[SPREAD]]
    if spread["answered"].notna().any():
        label = "accuracy (distance over the seeds' spread)"
        axis.plot(spread["answered"], spread["accuracy"], "s--", color=ORANGE, markersize=3, label=label)
    else:
        axis.text(
            0.5, 0.04, f"spread {ONE_SEED}", transform=axis.transAxes, ha="center", fontsize=6, color=INK
        )
    axis.vlines(
        margin["answered"], margin["accuracy_low"], margin["accuracy_high"], color=BLUE, linewidth=0.8
    )
    label = "accuracy (distance to the threshold)"
    axis.plot(margin["answered"], margin["accuracy"], "o-", color=BLUE, markersize=3.5, label=label)
    axis.set(xticks=[1, 0.8, 0.6, 0.4], yticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
    axis.set_box_aspect(1)
