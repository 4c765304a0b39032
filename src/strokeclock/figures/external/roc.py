"""ROC curves of an external test, with the frozen threshold's point, and the development's curve beside."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.calibration import AS_PREDICTED
from strokeclock.evaluation.external.frozen import Frozen
from strokeclock.evaluation.external.patients import Tested, read_external
from strokeclock.evaluation.external.performance import ALL
from strokeclock.evaluation.metrics import roc
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.external.styles import NOBODY, NOTHING_READ, SIDES
from strokeclock.figures.roc import MARKERS
from strokeclock.figures.rows import read_rows, title_of, write_instead
from strokeclock.figures.style import INK, PALE, house_style
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, Scorer, Tasks, Units, collect_predictions


def draw_external_roc(
    readings: str | Path,
    *,
    table: str | Path,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
    predictions: Iterable[str | Path] = (),
    tasks: Tasks = PAPER,
) -> Figure:
    """Draw a panel a row: all patients, the side given and found.

    Parameters
    ----------
    readings, operating, cohort, exclusions : paths
        As of `performance.write_external`.
    table : path
        tables/external.csv, of which AUCs and readers are.
    predictions : paths
        The prediction files of the run that made the bundle; none: no curve of the development.
    tasks : mapping of phase -> minutes
        Of these predictions.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    rows = read_rows(table)
    before = {scorer: found.units("test") for scorer, found in _read(predictions, tasks)}
    panels: dict[str, list[Tested]] = {}
    for tested in test.tested:
        panels.setdefault(tested.frozen.row, []).append(tested)
    with house_style():
        figure = Figure(figsize=(3.4 * max(1, len(panels)), 4.3), layout="compressed")
        axes = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
        for axis, sides in zip(axes, panels.values(), strict=False):
            frozen = sides[0].frozen
            key = frozen.key
            axis.plot([0, 1], [0, 1], color=PALE, linewidth=0.8)
            development = before.get(Scorer(key["model"], key["stage"], key["start"]))
            if development is not None:
                _draw_development(axis, development, frozen)
            for tested in sides:
                _draw_curve(axis, tested, rows)
            if frozen.below_min == READER_THRESHOLD_MIN:
                _draw_readers(axis, rows)
            axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="1 − specificity", ylabel="Sensitivity")
            axis.set_title(f"{title_of(key['model'], key['start'])}\n{_describe(sides[0])}")
            axis.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), handlelength=3.4)
        if not panels:
            write_instead(figure, NOTHING_READ)
        return figure


def _read(predictions: Iterable[str | Path], tasks: Tasks) -> Iterable:
    return collect_predictions(predictions, tasks=tasks).items()


def _describe(tested: Tested) -> str:
    target, n = name_target(tested.frozen.below_min), len(tested.label)
    return f"{target}: {tested.label.sum()} of {n} patients" if n else f"{target}: {NOBODY}"


def _draw_development(axis: Axes, test: Units, frozen: Frozen) -> None:
    curve = roc(test.label, test.score)
    area = ""
    if frozen.development:
        area = f": AUC {_area(*frozen.development.performance['auc'])}"
    label = f"development{area}"
    axis.plot(curve.fp / curve.fp[-1], curve.tp / curve.tp[-1], color=PALE, linewidth=1.2, label=label)


def _draw_curve(axis: Axes, tested: Tested, rows: pd.DataFrame) -> None:
    style, own = SIDES[tested.side_from], _find_row(tested, rows)
    score = tested.judged.predicted
    if len(set(tested.label)) < 2 or np.isnan(score).any():
        axis.plot([], [], color=style.colour, linestyle=style.line, label=f"{style.label}: no curve")
        return
    curve = roc(tested.label, score)
    label = f"{style.label}: AUC {_area(own['auc'], own['auc_low'], own['auc_high'])}"
    axis.plot(
        curve.fp / curve.fp[-1],
        curve.tp / curve.tp[-1],
        color=style.colour,
        linestyle=style.line,
        label=label,
        clip_on=False,
    )
    if not pd.isna(own["sensitivity"]):
        point = 1 - own["specificity"], own["sensitivity"]
        axis.plot(*point, "o", color=style.colour, markeredgecolor=INK, markersize=6, clip_on=False, zorder=4)


def _find_row(tested: Tested, rows: pd.DataFrame) -> pd.Series:
    key = {**tested.frozen.key, "side": tested.side_from, "patients": ALL, "scores": AS_PREDICTED}
    return rows[(rows[list(key)] == list(key.values())).all(axis=1)].iloc[0]


def _area(value: float, low: float, high: float) -> str:
    return f"{value:.2f}" + ("" if np.isnan(low) else f" ({low:.2f}–{high:.2f})")


def _draw_readers(axis: Axes, rows: pd.DataFrame) -> None:
    readers = rows[(rows["stage"] == "readers") & rows["sensitivity"].notna() & rows["specificity"].notna()]
    for _, row in readers.iterrows():
        majority = row["model"] == "majority"
        axis.plot(
            1 - row["specificity"],
            row["sensitivity"],
            marker=MARKERS.get(row["model"], "o"),
            color=INK,
            markerfacecolor=PALE if majority else "none",
            linestyle="",
            markersize=13 if majority else 6,
            label="majority of readers" if majority else row["model"].replace("reader", "reader "),
            clip_on=False,
            zorder=3,
        )
