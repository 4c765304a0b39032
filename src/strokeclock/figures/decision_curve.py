"""Decision curves: net benefit of treating by each row's score, by the readers' calls, always and never."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.roc import MARKERS
from strokeclock.figures.rows import read_rows, split_rows, style_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style
from strokeclock.models.registry import find_network, networks
from strokeclock.predictions import SEGMENTED

READERS = {"majority": "majority of readers"}
CURVE = ["stage", "model", "start"]
LOWEST = -0.05  # of net benefit that is shown
INCHES, LINE_INCHES = 3.4, 0.16  # a panel's width and, about it, height; a line of its legend


def draw_decision_curve(table: str | Path) -> Figure:
    """Draw a panel a target and network from tables/decision_curve.csv."""
    rows = read_rows(table)
    rows = rows[rows["threshold"].notna()]
    of_networks = rows[rows["model"].isin(list(networks()))]
    panels = {
        (target, net): rows[(rows["target"] == target) & ~_of_another(net, rows)]
        for target, net in sorted({*of_networks[["target", "model"]].itertuples(index=False, name=None)})
    }
    curves = max((len(shown.groupby(CURVE)) for shown in panels.values()), default=1)
    with house_style():
        height = INCHES + LINE_INCHES * curves
        figure = Figure(figsize=(INCHES * max(1, len(panels)), height), layout="compressed")
        axes = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
        for axis, ((target, net), shown) in zip(axes, panels.items(), strict=False):
            _draw_panel(axis, shown)
            axis.set_title(f"{target}: {find_network(net).long_title}")
        if not panels:
            write_instead(figure, "No network with a TSS target was run.")
        return figure


def _of_another(net: str, rows: pd.DataFrame) -> pd.Series:
    """Which rows are another network's, or rest on one."""
    others = [other for other in networks() if other != net]
    return rows["model"].isin(others) | ((rows["model"] == SEGMENTED) & rows["start"].isin(others))


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> None:
    for (stage, model, start), curve in split_rows(rows, CURVE):
        line = ":" if model == "treat none" else "-"
        style: dict[str, Any] = {"color": INK, "linewidth": 0.8, "linestyle": line}
        style |= {"label": model, "zorder": 1.5}
        if stage == "readers":
            style |= {
                "marker": MARKERS.get(model, "o"),
                "markersize": 8 if model == "majority" else 4,
                "markevery": 10,
                "markerfacecolor": PALE if model == "majority" else "white",
                "label": READERS.get(model, model.replace("reader", "reader ")),
            }
        elif stage != "strategy":
            own = style_of(model, start)
            style |= {"color": own.colour, "linestyle": own.line, "linewidth": 1.6, "label": own.label}
            style["zorder"] = 3 if model in networks() else 2
        axis.plot(curve["threshold"], curve["net_benefit"], **style)
    prevalence = rows["positives"].iloc[0] / rows["n"].iloc[0]
    axis.set(
        xlim=(rows["threshold"].min(), rows["threshold"].max()),
        ylim=(LOWEST, prevalence),
        xlabel="Threshold probability",
        ylabel="Net benefit",
    )
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), handlelength=3.4)
    axis.set_box_aspect(1)
