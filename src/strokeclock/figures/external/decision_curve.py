"""Decision curves of an external test."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.decision_curve import INCHES, LINE_INCHES, LOWEST, READERS
from strokeclock.figures.external.styles import NOTHING_READ, SIDES
from strokeclock.figures.roc import MARKERS
from strokeclock.figures.rows import read_rows, split_rows, title_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style

CURVE = ["stage", "model", "start", "side"]
BESIDE = ("strategy", "readers")


def draw_external_decision_curve(table: str | Path) -> Figure:
    """Draw a panel a target and row from tables/external_decision.csv."""
    rows = read_rows(table)
    curves = rows[rows["threshold"].notna()]
    models = rows[~rows["stage"].isin([*BESIDE, ""])]
    panels = {
        key: curves[
            (curves["target"] == key[0])
            & (curves["stage"].isin(BESIDE) | (curves[CURVE[:3]] == list(key[1:])).all(axis=1))
        ]
        for key in dict.fromkeys(models[["target", *CURVE[:3]]].itertuples(index=False, name=None))
    }
    most = max((len(shown.groupby(CURVE)) for shown in panels.values()), default=1)
    with house_style():
        width, height = INCHES * max(1, len(panels)), INCHES + LINE_INCHES * most
        figure = Figure(figsize=(width, height), layout="compressed")
        axes = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
        for axis, ((target, _, model, start), shown) in zip(axes, panels.items(), strict=False):
            _draw_panel(axis, shown)
            axis.set_title(f"{title_of(model, start)}\n{target}")
        if not panels:
            write_instead(figure, NOTHING_READ)
        return figure


def _draw_panel(axis: Axes, rows: pd.DataFrame) -> None:
    if rows.empty:
        axis.text(0.5, 0.5, "no patient of known class", ha="center", transform=axis.transAxes)
        axis.set_axis_off()
        return
    for (stage, model, _, side), curve in split_rows(rows, CURVE):
        style: dict[str, Any] = {"color": INK, "linewidth": 0.8, "label": model, "zorder": 1.5}
        style["linestyle"] = ":" if model == "treat none" else "-"
        if stage == "readers":
            style |= {
                "marker": MARKERS.get(model, "o"),
                "markersize": 8 if model == "majority" else 4,
                "markevery": 10,
                "markerfacecolor": PALE if model == "majority" else "white",
                "label": READERS.get(model, model.replace("reader", "reader ")),
            }
        elif stage != "strategy":
            own = SIDES[side]
            style |= {"color": own.colour, "linestyle": own.line, "linewidth": 1.6, "label": own.label}
            style["zorder"] = 3
        axis.plot(curve["threshold"], curve["net_benefit"], **style)
    prevalence = rows["positives"].iloc[0] / rows["n"].iloc[0]
    axis.set(
        xlim=(rows["threshold"].min(), rows["threshold"].max()),
        ylim=(LOWEST, max(prevalence, 0.05) + 0.01),
        xlabel="Threshold probability",
        ylabel="Net benefit",
    )
    axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), handlelength=3.4)
    axis.set_box_aspect(1)
