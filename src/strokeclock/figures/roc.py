"""Figures 6, 7 and 8: ROC curves of the scorers, their AUC with intervals, and the readers as points.

Curves are drawn from the predictions; AUC, intervals and readers are read from Table 2, so that both agree.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.metrics import roc
from strokeclock.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILION,
    house_style,
)
from strokeclock.models.registry import find_network, networks, place_of
from strokeclock.predictions import (
    PAPER,
    SEGMENTED,
    Scorer,
    ScorerPredictions,
    Tasks,
    collect_predictions,
)


class Style(NamedTuple):
    label: str
    colour: str
    line: str | tuple


STYLES = {  # a start keeps its colour and its line in every figure
    "random": Style("random start", BLACK, ":"),
    "imagenet": Style("ImageNet", ORANGE, "-."),
    "medical": Style("medical images", GREEN, (0, (5, 1.5, 1, 1.5, 1, 1.5))),
    "phase1": Style("from stroke detection", BLUE, "-"),
    "phase2": Style("from TSS < 3 h", SKY, (0, (6, 2))),
    "phase3": Style("attention, fine-tuned", VERMILION, "-"),
}
MARKERS = {"reader1": "^", "reader2": "s", "reader3": "D", "majority": "*"}


def draw_roc(
    predictions: Iterable[str | Path],
    *,
    table2: str | Path,
    phases: Collection[str],
    readers: bool,
    tasks: Tasks = PAPER,
) -> Figure:
    """Draw the ROC curves of all scorers of `phases`, one panel a network.

    Parameters
    ----------
    predictions : paths
        Prediction files; those of other phases are left out.
    table2 : path
        tables/table2.csv of the same predictions.
    phases : names
        The phases shown together; they must have one target (TSS < 3 h, or TSS < 4.5 h).
    readers : bool
        True: with the readers' points, and with the segmented ratios joined with each network. False: with a
        panel that compares the AUCs.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below.
    """
    table = pd.read_csv(table2).fillna({"start": ""}).set_index(["stage", "model", "start"])
    table = table[table["status"] == "ok"]
    scorers = {
        scorer: found
        for scorer, found in collect_predictions(predictions, tasks=tasks).items()
        if scorer.phase in phases
        and (scorer.phase, scorer.net, scorer.start) in table.index
        and (scorer.net in networks() or (readers and _panel_of(scorer) in networks()))
    }
    order = [*STYLES, *networks()]
    scorers = dict(
        sorted(scorers.items(), key=lambda item: (place_of(_panel_of(item[0])), order.index(item[0].start)))
    )
    nets = [net for net in networks() if any(_panel_of(scorer) == net for scorer in scorers)]
    panels = max(1, len(nets) + (bool(nets) and not readers))
    with house_style():
        figure = Figure(figsize=(3.4 * panels, 4.2), layout="compressed")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for axis, net in zip(axes, nets, strict=False):
            _draw_panel(
                axis, {scorer: found for scorer, found in scorers.items() if _panel_of(scorer) == net}, table
            )
            if readers:
                _draw_readers(axis, table)
            axis.set_title(find_network(net).long_title)
            axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), handlelength=3.4)
        if not nets:
            axes[0].text(0.5, 0.5, "No scorer of this figure was run.", ha="center", va="center")
            axes[0].set_axis_off()
        elif not readers:
            _draw_areas(axes[-1], scorers, table)
        if scorers:
            figure.suptitle(_describe_target(next(iter(scorers.values())), tasks), fontsize=10)
        return figure


def style_joined(net: str) -> Style:
    """The style of the segmented ratios joined with a network."""
    spec = find_network(net)
    return Style(f"segmented ratios and {spec.title}", PURPLE, spec.line)


def _panel_of(scorer: Scorer) -> str:
    """The network whose panel shows the scorer: its own, or the one that the segmented ratios join."""
    return scorer.start if scorer.net == SEGMENTED else scorer.net


def _describe_target(predictions: ScorerPredictions, tasks: Tasks) -> str:
    hours = (tasks[predictions.scorer.phase] or 0) / 60
    label = predictions.units("test").label
    return f"TSS < {hours:g} h: {len(label)} test patients, {label.sum()} of them under {hours:g} h"


def _draw_panel(axis: Axes, scorers: Mapping[Scorer, ScorerPredictions], table: pd.DataFrame) -> None:
    axis.plot([0, 1], [0, 1], color=PALE, linewidth=0.8)
    for scorer, predictions in scorers.items():
        test = predictions.units("test")
        curve = roc(test.label, test.score)
        row = table.loc[[(scorer.phase, scorer.net, scorer.start)]].iloc[0]
        style = style_joined(scorer.start) if scorer.net == SEGMENTED else STYLES[scorer.start]
        axis.plot(
            curve.fp / curve.fp[-1],
            curve.tp / curve.tp[-1],
            color=style.colour,
            linestyle=style.line,
            label=f"{style.label}: AUC {_area(row)}",
            clip_on=False,
        )
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="1 − specificity", ylabel="Sensitivity")


def _area(row: pd.Series) -> str:
    interval = "" if pd.isna(row["auc_low"]) else f" ({row['auc_low']:.2f}–{row['auc_high']:.2f})"
    return f"{row['auc']:.2f}{interval}"


def _draw_readers(axis: Axes, table: pd.DataFrame) -> None:
    if "readers" not in table.index.get_level_values("stage"):
        return
    readers = table.loc["readers"]
    for model, (_, row) in zip(readers.index.get_level_values(0), readers.iterrows(), strict=True):
        majority = model == "majority"
        axis.plot(
            1 - row["specificity"],
            row["sensitivity"],
            marker=MARKERS.get(model, "o"),
            color=INK,
            markerfacecolor=PALE if majority else "none",
            linestyle="",
            markersize=13 if majority else 6,
            label="majority of readers" if majority else model.replace("reader", "reader "),
            clip_on=False,
            zorder=3 if majority else 4,
        )


def _name(scorer: Scorer) -> str:
    return f"{find_network(scorer.net).title} {STYLES[scorer.start].label}"


def _draw_areas(axis: Axes, scorers: Mapping[Scorer, ScorerPredictions], table: pd.DataFrame) -> None:
    """A row a scorer, the first on top: AUC, its interval, the mean of single seeds as a bar mark."""
    axis.axvline(0.5, color=PALE, linewidth=0.8)
    for place, scorer in enumerate(scorers):
        row, style = table.loc[[(scorer.phase, scorer.net, scorer.start)]].iloc[0], STYLES[scorer.start]
        axis.plot([row["auc_low"], row["auc_high"]], [place, place], color=style.colour, clip_on=False)
        axis.plot(row["auc"], place, "o", color=style.colour, markersize=6, clip_on=False)
        mean = row["auc_seed_mean"]
        axis.plot(mean, place, "|", color=INK, markersize=13, markeredgewidth=1.2, clip_on=False)
    axis.set_yticks(range(len(scorers)), [_name(scorer) for scorer in scorers])
    axis.set(
        xlim=(0, 1), ylim=(len(scorers) - 0.5, -0.5), xlabel="AUC (bar: mean of single seeds)", title="AUC"
    )
    axis.set_box_aspect(1)
