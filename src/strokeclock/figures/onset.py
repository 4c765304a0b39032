"""The time from onset to MRI in each part of the cohort, as histograms."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from strokeclock.cohort.labels import has_onset, label_time
from strokeclock.cohort.onset import CLASS_MIN, MINUTES
from strokeclock.cohort.parts import EXTERNAL, PARTS
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.rows import write_instead
from strokeclock.figures.style import BLUE, INK, ORANGE, PALE, SKY, VERMILION, house_style
from strokeclock.predictions import Tasks

TITLES = {"train": "Training", "validation": "Validation", "test": "Test", EXTERNAL: "External cohort"}
COLOURS = {"train": SKY, "validation": BLUE, "test": ORANGE, EXTERNAL: VERMILION}
BIN_H, LAST_H = 0.5, 12.0  # of the bars; longer times are in one bar behind them
NOBODY = "No patient of known onset is in a part."


def draw_onset(cohort: str | Path, split: str | Path, *, tasks: Tasks) -> Figure:
    """Draw a histogram for each part that has patients of known onset, with a line at each limit.

    Patients of whom only the class is known have no bar: the words count them.

    Parameters
    ----------
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    """
    limits = sorted({limit for limit in tasks.values() if limit})
    parts = read_split_table(split).set_index("patient")["part"]
    patients = read_cohort(cohort).set_index("patient").reindex(parts.index)
    known = patients[has_onset(patients)]
    shown = [part for part in (*PARTS, EXTERNAL) if (parts[known.index] == part).any()]
    with house_style():
        if not shown:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, NOBODY)
            return figure
        figure = Figure(figsize=(6.5, 1.35 * len(shown) + 0.5), layout="constrained")
        axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for axis, part in zip(axes, shown, strict=True):
            own = known[parts[known.index] == part]
            _draw_part(axis, own, part=part, limits=limits)
        axes[-1].set_xlabel("Time from onset to MRI, hours")
        ticks = np.arange(0, LAST_H + 1, 2)
        axes[-1].set_xticks(
            [*ticks, LAST_H + 3 * BIN_H], [*(f"{tick:g}" for tick in ticks), f"{LAST_H:g} or more"]
        )
        return figure


def _draw_part(axis: Axes, patients: pd.DataFrame, *, part: str, limits: list[float]) -> None:
    hours = patients[MINUTES].dropna().to_numpy(float) / 60
    edges = np.arange(0, LAST_H + BIN_H / 2, BIN_H)
    counts, _ = np.histogram(hours[hours < LAST_H], edges)
    axis.bar(edges[:-1], counts, BIN_H, align="edge", color=COLOURS[part], edgecolor="white", linewidth=0.4)
    longer = int((hours >= LAST_H).sum())
    axis.bar(
        LAST_H + 2 * BIN_H, longer, 2 * BIN_H, align="edge", color=PALE, edgecolor="white", linewidth=0.4
    )
    for limit in limits:
        axis.axvline(limit / 60, color=INK, linewidth=0.8, linestyle="--")
        axis.text(
            limit / 60, 1.0, f" {limit / 60:g} h", transform=axis.get_xaxis_transform(), fontsize=6, va="top"
        )
    axis.set_ylabel("Patients")
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_title("; ".join(_describe(patients, part=part, limits=limits)), loc="left", fontsize=7)


def _describe(patients: pd.DataFrame, *, part: str, limits: list[float]) -> Iterator[str]:
    yield f"{TITLES[part]}: {len(patients)} patients"
    for limit in limits:
        label = label_time(patients, below_min=limit).dropna()
        if len(label):
            yield f"{name_target(limit)}: {label.sum():.0f} of {len(label)} ({label.mean():.0%})"
    of_class = patients[patients[MINUTES].isna()]
    if len(of_class):
        short = int(label_time(of_class, below_min=CLASS_MIN).sum())
        yield f"by the class alone: {short} below and {len(of_class) - short} from {CLASS_MIN / 60:g} h on"
