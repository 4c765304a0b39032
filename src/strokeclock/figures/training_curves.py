"""Training curves of a network: the losses and the validation AUC over epochs, all seeds in one picture."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from strokeclock.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PALE,
    SKY,
    VERMILION,
    house_style,
    save_figure,
)
from strokeclock.models.registry import find_network
from strokeclock.training.record import read_record

PANELS = {  # column of history.tsv -> title; phase 0 has no AUC
    "train_loss": "Training loss",
    "validation_loss": "Validation loss",
    "validation_auc": "Validation AUC",
}
COLOURS = (BLACK, ORANGE, SKY, BLUE, VERMILION, GREEN)
LINES = ("-", "--", ":")  # a further one for each six seeds
INCHES = 2.5  # of a panel's width


def write_training_curves(
    histories: Sequence[str | Path],
    records: Sequence[str | Path],
    *,
    svg: Sequence[str | Path],
    png: Sequence[str | Path],
) -> None:
    """Draw the curves of each network, phase and start (`draw_training_curves`).

    Parameters
    ----------
    histories, records : sequences of paths
        history.tsv and run.json of each training, models/<net>/<phase>/<start>/seed-<n>/, in the same order.
    svg, png : sequences of paths
        Files to write, <net>-<phase>-<start>.svg and .png, in the order in which the trainings name them.
    """
    rows: dict[tuple[str, ...], list[tuple[str | Path, str | Path]]] = {}
    for history, record in zip(histories, records, strict=True):
        rows.setdefault(Path(record).parts[-5:-2], []).append((history, record))
    for (net, phase, start), *paths in zip(rows, svg, png, strict=True):
        own = zip(*rows[net, phase, start], strict=True)
        save_figure(draw_training_curves(*own, net=net, phase=phase, start=start), *paths)


def draw_training_curves(
    histories: Sequence[str | Path],
    records: Sequence[str | Path],
    *,
    net: str,
    phase: str,
    start: str,
) -> Figure:
    """Draw a panel for each measure and a line for each seed, with a dot at the epoch that was selected.

    Both losses share their axis.

    Parameters
    ----------
    histories, records : sequences of paths
        history.tsv and run.json of each training, in the same order.
    net, phase, start : str
        The network, its phase and its start.
    """
    trainings = [
        (read_record(record), pd.read_csv(history, sep="\t").set_index("epoch"))
        for record, history in zip(records, histories, strict=True)
    ]
    shown = [name for name in PANELS if name in trainings[0][1]]
    styles = [(colour, line) for line in LINES for colour in COLOURS]
    with house_style():
        figure = Figure(figsize=(INCHES * len(shown), 2.6), layout="compressed")
        axes = dict(zip(shown, figure.subplots(1, len(shown)), strict=True))
        for (record, history), (colour, line) in zip(trainings, cycle(styles), strict=False):
            best = record.kept["epoch"]
            for name, axis in axes.items():
                axis.plot(
                    history.index,
                    history[name],
                    color=colour,
                    linestyle=line,
                    linewidth=1.1,
                    label=f"seed {record.seed}",
                )
                axis.plot(best, history[name].loc[best], "o", color=colour, markersize=4.5, clip_on=False)
        last = max(history.index[-1] for _, history in trainings)
        for name, axis in axes.items():
            axis.set(title=PANELS[name], xlabel="Epoch", xlim=(1 - 0.02 * last, last * 1.02))
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if "validation_auc" in axes:
            axes["validation_auc"].axhline(0.5, color=PALE, linewidth=0.8, zorder=0)
            axes["validation_auc"].set_ylim(0, 1)
        axes["validation_loss"].sharey(axes["train_loss"])
        axes["train_loss"].autoscale(axis="y")
        lines, labels = axes["train_loss"].get_legend_handles_labels()
        dot = Line2D([], [], color=INK, marker="o", markersize=4.5, linestyle="")
        figure.legend([*lines, dot], [*labels, "selected"], loc="outside lower center", ncols=7)
        figure.suptitle(f"{find_network(net).title}: {phase}, start {start}", fontsize=9)
        return figure
