"""Decision curves: net benefit of treating by each row's score, by the readers' calls, always and never."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.roc import MARKERS, NETS
from strokeclock.figures.rows import look_of, read_rows, say
from strokeclock.figures.style import INK, PALE, house_style, save_figure

READERS = {"majority": "majority of readers"}
LOWEST = -0.05  # of net benefit that is shown


def draw_decision_curve(table: str | Path, outputs: Iterable[str | Path]) -> None:
    """Draw a panel a target and network from tables/decision_curve.csv to .svg and .png."""
    rows = read_rows(table)
    rows = rows[rows["threshold"].notna()]
    panels = list(rows[rows["model"].isin(list(NETS))].groupby(["target", "model"]).groups)
    with house_style():
        figure = Figure(figsize=(3.4 * max(1, len(panels)), 4.4), layout="compressed")
        axes = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
        for axis, (target, net) in zip(axes, panels, strict=False):
            shown = rows[
                (rows["target"] == target) & ~rows["model"].isin([other for other in NETS if other != net])
            ]
            _draw_panel(axis, shown)
            axis.set_title(f"{target}: {NETS[net]}")
        if not panels:
            say(figure, "No network that tells time was run.")
        save_figure(figure, *outputs)


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> None:
    for (stage, model, weights), curve in rows.groupby(["stage", "model", "weights"], sort=False):
        line = ":" if model == "treat none" else "-"
        style = {"color": INK, "linewidth": 0.8, "linestyle": line, "label": model, "zorder": 1.5}
        if stage == "readers":
            style |= {
                "marker": MARKERS.get(model, "o"),
                "markersize": 8 if model == "majority" else 4,
                "markevery": 10,
                "markerfacecolor": PALE if model == "majority" else "white",
                "label": READERS.get(model, model.replace("reader", "reader ")),
            }
        elif stage != "strategy":
            look = look_of(model, weights)
            style |= {"color": look.colour, "linestyle": look.line, "linewidth": 1.6, "label": look.label}
            style["zorder"] = 3 if model in NETS else 2
        axis.plot(curve["threshold"], curve["net_benefit"], **style)
    prevalence = rows["positives"].iloc[0] / rows["n"].iloc[0]
    axis.set(
        xlim=(rows["threshold"].min(), rows["threshold"].max()),
        ylim=(LOWEST, prevalence),
        xlabel="Threshold probability",
        ylabel="Net benefit",
    )
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), handlelength=3.4, ncols=2, columnspacing=1)
    axis.set_box_aspect(1)
