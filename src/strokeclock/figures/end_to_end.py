"""AUC for TSS < 4.5 h with the side given and with the side found, and what became of the test patients."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.end_to_end import ABSTAINED, STATUS_OF, UNLIKE, WRONG_SIDE
from strokeclock.evaluation.external.performance import ALL, ANSWERED
from strokeclock.evaluation.external.readings import FOUND, GIVEN
from strokeclock.evaluation.tables import KEY, name_target
from strokeclock.figures.external.styles import SIDES
from strokeclock.figures.rows import read_rows, split_rows, title_of, write_instead
from strokeclock.figures.style import BLUE, INK, ORANGE, PALE, SKY, VERMILION, house_style
from strokeclock.predictions import READER_THRESHOLD_MIN
from strokeclock.series import BOTH, NO_LESION

_PALER = "#CCCCCC"
# Outcome -> its words, colour and hatch; the order of the bars.
OUTCOMES = {
    ANSWERED: ("answered, lesion's side", BLUE, ""),
    WRONG_SIDE: ("answered, wrong side", VERMILION, "////"),
    ABSTAINED: ("abstained", SKY, ""),
    STATUS_OF[NO_LESION]: ("no lesion found", ORANGE, "...."),
    STATUS_OF[BOTH]: ("lesions on both sides", _PALER, ""),
    STATUS_OF[""]: ("side not clear", PALE, ""),
    UNLIKE: ("unlike the training patients", "white", "xxxx"),
}
_LEAST = 0.04  # share of a bar that has room for a number
_SHIFT = 0.17  # of the two AUCs from the middle of a line
_NOTHING = "No row of TSS < 4.5 h was tested."


def draw_end_to_end(table: str | Path) -> Figure:
    """Draw a line a row of TSS < 4.5 h from tables/end_to_end.csv, all patients."""
    rows = read_rows(table)
    rows = rows[(rows["target"] == name_target(READER_THRESHOLD_MIN)) & (rows["patients"] == ALL)]
    lines = {key: part.set_index("side") for key, part in split_rows(rows, KEY)}
    with house_style():
        if not lines:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, _NOTHING)
            return figure
        figure = Figure(figsize=(8.6, 0.42 * len(lines) + 1.9), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.35))
        for place, part in enumerate(lines.values()):
            _draw_areas(left, part, place)
            _draw_outcomes(right, part, place)
        left.axvline(0.5, color=PALE, linewidth=0.8, zorder=0)
        lowest = np.nanmin([0.42, *rows["auc_low"]]) - 0.02
        left.set(xlim=(lowest, 1.02), xlabel="AUC with interval")
        left.set_yticks(range(len(lines)), [title_of(*key[1:]) for key in lines])
        left.set_ylim(len(lines) - 0.5, -0.5)
        left.set_title("Side given and side found, all patients")
        right.set(xlim=(0, 1), xlabel="Share of the test patients")
        right.set_title("Side found: what became of them")
        for axis in (left, right):
            axis.tick_params(axis="y", length=0)
        handles: dict[str, Artist] = {}  # by label
        for axis in (left, right):
            handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        figure.legend([*handles.values()], [*handles], loc="outside lower center", ncols=5)
        figure.suptitle(_describe(rows), fontsize=10)
        return figure


def _describe(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"{first['target']}: {first['n']:.0f} test patients, {first['positives']:.0f} of them under 4.5 h"


def _draw_areas(axis: Axes, part: pd.DataFrame, place: int) -> None:
    """Draw both AUCs of a row."""
    for side, shift, marker in ((GIVEN, -_SHIFT, "o"), (FOUND, _SHIFT, "s")):
        row, style, at = part.loc[side], SIDES[side], place + shift
        if pd.isna(row["auc"]):
            axis.text(0.52, at, "no AUC", va="center", fontsize=6, color=INK)
            continue
        axis.plot([row["auc_low"], row["auc_high"]], [at, at], color=style.colour)
        style_of = {"color": style.colour, "markersize": 4.5, "linestyle": "", "label": style.label}
        axis.plot(row["auc"], at, marker, **style_of)


def _draw_outcomes(axis: Axes, part: pd.DataFrame, place: int) -> None:
    """Draw the shares of a row's patients, end to end, with their numbers where there is room."""
    row, begin = part.loc[FOUND], 0.0
    if pd.isna(row[ANSWERED]):
        axis.text(0.02, place, "no side was found", va="center", fontsize=6, color=INK)
        return
    counts = {name: int(row[name]) for name in OUTCOMES}
    counts[ANSWERED] -= counts[WRONG_SIDE]
    for name, (words, colour, hatch) in OUTCOMES.items():
        if not counts[name]:
            continue
        share, style = counts[name] / row["n"], {"color": colour, "hatch": hatch, "edgecolor": INK}
        axis.barh(place, share, left=begin, height=0.6, linewidth=0.4, label=words, **style)
        if share >= _LEAST:
            middle, box = begin + share / 2, {"boxstyle": "round,pad=0.15", "facecolor": "white", "lw": 0}
            axis.text(middle, place, str(counts[name]), ha="center", va="center", fontsize=6, bbox=box)
        begin += share
