"""Reliability of the frozen scores on the external patients, and the scores of each class below it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.calibration import AS_PREDICTED, SCALED
from strokeclock.evaluation.estimates import UNREAD
from strokeclock.evaluation.external.patients import Tested, read_external
from strokeclock.evaluation.external.performance import ALL
from strokeclock.evaluation.external.recalibration import LOGISTIC
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.external.styles import NOTHING_READ, SIDES
from strokeclock.figures.rows import read_rows, title_of, write_instead
from strokeclock.figures.style import BLUE, GREEN, INK, ORANGE, PALE, house_style

PANEL_IN = 2.5
BINS = np.linspace(0, 1, 21)
_LINES: dict[str, dict[str, Any]] = {
    AS_PREDICTED: {"color": INK, "linestyle": "--", "marker": "o", "markerfacecolor": "white"},
    SCALED: {"color": BLUE, "linestyle": "-", "marker": "o"},
    LOGISTIC: {"color": GREEN, "linestyle": ":", "marker": "s", "markerfacecolor": "white"},
}


def draw_external_calibration(
    readings: str | Path,
    *,
    table: str | Path,
    reliability: str | Path,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
) -> Figure:
    """Draw a panel a row and side, of all patients; the histogram is of those with a reading.

    Parameters
    ----------
    readings, operating, cohort, exclusions : paths
        As of `performance.write_external`.
    table, reliability : paths
        tables/external.csv and external_reliability.csv.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    lines, bins = read_rows(table), read_rows(reliability)
    named = list(dict.fromkeys(tested.frozen.row for tested in test.tested))
    sides = [side for side in SIDES if any(tested.side_from == side for tested in test.tested)]
    with house_style():
        width, height = PANEL_IN * max(1, len(sides)) + 0.4, 3.7 * max(1, len(named)) + 0.6
        figure = Figure(figsize=(width, height), layout="constrained")
        if not named:
            write_instead(figure, NOTHING_READ)
            return figure
        ratios = {"height_ratios": [3, 1] * len(named)}
        axes = figure.subplots(2 * len(named), len(sides), squeeze=False, sharex=True, gridspec_kw=ratios)
        for axis in axes.ravel():
            axis.set_axis_off()  # a row may lack a side
        for tested in test.tested:
            line, column = 2 * named.index(tested.frozen.row), sides.index(tested.side_from)
            _draw_panel(axes[line, column], _select(bins, tested), _select(lines, tested))
            _draw_scores(axes[line + 1, column], tested)
            key = tested.frozen.key
            title = f"{title_of(key['model'], key['start'])}\n{SIDES[tested.side_from].label}"
            axes[line, column].set_title(title, fontsize=8)
        handles = {
            label: handle
            for axis in axes.ravel()
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.supxlabel("Score (external patients)", fontsize=8)
        figure.supylabel("Observed share, interval by Wilson; below it: patients", fontsize=8)
        figure.legend([*handles.values()], [*handles], loc="outside upper center", ncols=2)
        return figure


def _select(rows: pd.DataFrame, tested: Tested) -> pd.DataFrame:
    key = {**tested.frozen.key, "side": tested.side_from, "patients": ALL}
    if rows.empty:
        return rows
    return rows[(rows[list(key)] == list(key.values())).all(axis=1)].set_index("scores")


def _draw_panel(axis: Axes, bins: pd.DataFrame, lines: pd.DataFrame) -> None:
    axis.set_axis_on()
    axis.plot([0, 1], [0, 1], color=PALE, linewidth=0.8)
    unread = bins[bins["bin"] == UNREAD]
    for scores, style in _LINES.items():
        part = bins[(bins["bin"] != UNREAD) & (bins.index == scores)]
        if part.empty:
            continue
        if scores == SCALED:
            ends = part["observed_low"], part["observed_high"]
            axis.vlines(part["mean_score"], *ends, color=style["color"], linewidth=0.8)
        axis.plot(part["mean_score"], part["observed"], markersize=3.5, linewidth=1.0, label=scores, **style)
    if not unread.empty:
        place = unread.iloc[0]
        axis.plot(
            place["mean_score"], place["observed"], "x", color=INK, label=f"{UNREAD}: scores the prevalence"
        )
    shown = SCALED if SCALED in bins.index else AS_PREDICTED
    if shown in bins.index:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
        text = _describe(lines.loc[[shown]].iloc[0], shown)
        axis.text(1.02, -0.01, text, ha="right", va="bottom", fontsize=6.5, bbox=box, zorder=4)
    else:
        axis.text(0.5, 0.5, "no scores", ha="center", va="center")
    axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axis.set_box_aspect(1)


def _describe(row: pd.Series, scores: str) -> str:
    slope = "no slope" if pd.isna(row["slope"]) else f"slope {row['slope']:.2f}"
    ratio = "" if pd.isna(row["observed_expected"]) else f"O:E {row['observed_expected']:.2f}\n"
    return f"{scores}:\n{ratio}{slope}\nBrier {row['brier']:.3f}"


def _draw_scores(axis: Axes, tested: Tested) -> None:
    """Histogram of the scaled scores, else of those as predicted: the shorter time upwards, others down."""
    axis.set_axis_on()
    scores = tested.judged.predicted if tested.judged.scaled is None else tested.judged.scaled
    target, most = name_target(tested.frozen.below_min), 1
    for value, sign, colour, label in ((1, 1, ORANGE, target), (0, -1, PALE, "others")):
        counts, _ = np.histogram(scores[tested.is_read & (tested.label == value)], BINS)
        axis.bar(BINS[:-1], sign * counts, width=0.05, align="edge", color=colour, label=label)
        most = max(most, int(counts.max()))
    axis.axhline(0, color=INK, linewidth=0.6)
    axis.set_yticks([-most, 0, most], [str(most), "0", str(most)])
