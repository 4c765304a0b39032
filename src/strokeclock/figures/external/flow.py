"""The patients of an external test, from the sheet to the answers (STARD)."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from strokeclock.evaluation.external.flow import (
    ABSTAINED,
    ANSWERED,
    CALLED,
    ENTERED,
    LEFT_OUT,
    NO_READING,
    NOT_CALLED,
    TESTED,
)
from strokeclock.evaluation.tables import KEY
from strokeclock.figures.external.styles import NOTHING_READ, SIDES
from strokeclock.figures.flow_chart import Step, draw_chart, lay_out
from strokeclock.figures.rows import read_rows, split_rows, title_of, write_instead
from strokeclock.figures.style import house_style

PANEL_IN = 4.3
WORDS = {
    "no_lesion": "no lesion found",
    "side_unclear": "side not clear",
    "both_sides": "lesions on both sides",
    "unlike_training": "unlike the training patients",
    "quality_fail": "failed the quality checks",
    "missing_series": "a series is missing",
}


def draw_external_flow(table: str | Path) -> Figure:
    """Draw the first row's patients from tables/external_flow.csv, a panel for each way to a side."""
    rows = read_rows(table)
    rows = rows[rows["step"] != ""]
    with house_style():
        if rows.empty:
            figure = Figure(figsize=(4, 1.5))
            write_instead(figure, NOTHING_READ)
            return figure
        first = rows.iloc[0]
        own = rows[(rows[["target", *KEY]] == first[["target", *KEY]]).all(axis=1)]
        charts = {
            side: lay_out(_list_steps(part, first["target"]), _list_calls(part, first["target"]))
            for (side,), part in split_rows(own, ["side"])
        }
        height = max(chart.height for chart in charts.values())
        figure = Figure(figsize=(PANEL_IN * len(charts), height / 72 + 0.5), layout="constrained")
        axes = figure.subplots(1, len(charts), squeeze=False)[0]
        for axis, (side, chart) in zip(axes, charts.items(), strict=True):
            draw_chart(axis, chart, height=height)
            axis.set_title(SIDES[side].label)
        figure.suptitle(title_of(first["model"], first["start"]), fontsize=10)
        return figure


def _list_steps(rows: pd.DataFrame, target: str) -> list[Step]:
    def heads(step: str) -> pd.Series:
        return rows[(rows["step"] == step) & (rows["what"] == "")].iloc[0]

    def reasons(step: str) -> list[str]:
        inner = rows[(rows["step"] == step) & (rows["what"] != "")]
        counts = zip(inner["what"], inner["n"], strict=True)
        return sorted(f"{WORDS.get(what, what)}: {n:.0f}" for what, n in counts)

    def classes(row: pd.Series) -> str:
        return f"{target}: {row['positives']:.0f}, others: {row['negatives']:.0f}"

    def leaving(step: str) -> str:
        row = heads(step)
        if not row["n"]:
            return ""
        known = [] if step == LEFT_OUT else [classes(row)]
        return "\n".join([f"{step.capitalize()}: {row['n']:.0f}", *known, *reasons(step)])

    tested, answered = heads(TESTED), heads(ANSWERED)
    return [
        Step(f"Entered: {heads(ENTERED)['n']:.0f}", leaving(LEFT_OUT)),
        Step(f"Tested: {tested['n']:.0f}\n{classes(tested)}", leaving(NO_READING)),
        Step(f"With a reading: {tested['n'] - heads(NO_READING)['n']:.0f}", leaving(ABSTAINED)),
        Step(f"Answered: {answered['n']:.0f}\n{classes(answered)}"),
    ]


def _list_calls(rows: pd.DataFrame, target: str) -> list[str]:
    calls = rows[rows["step"] == ANSWERED]
    words = []
    for what, name in ((CALLED, f"Called {target}"), (NOT_CALLED, f"Not called {target}")):
        n, positives = (int(calls[calls["what"] == what][column].sum()) for column in ("n", "positives"))
        words.append(f"{name}: {n}\n{target}: {positives}, others: {n - positives}")
    return words
