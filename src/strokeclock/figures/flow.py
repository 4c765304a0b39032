"""The patients of a run, from those who entered to those of each analysis (CONSORT, STARD)."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from strokeclock.evaluation.flow import (
    ANALYSED,
    DIVIDED,
    ENTERED,
    EXCLUDED,
    EXTERNAL_COHORT,
    HEMISPHERE,
    NO_PART,
    NO_TIME,
    NOT_RUN,
    PART,
    UNLABELLED,
)
from strokeclock.figures.flow_chart import Step, draw_chart, lay_out
from strokeclock.figures.rows import read_rows
from strokeclock.figures.style import house_style

PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
USES = {
    "train": "networks and baselines learn.",
    "validation": "epochs, thresholds, temperatures and bands of abstention are chosen.",
}


def draw_flow(table: str | Path) -> Figure:
    """Draw tables/flow.csv: who left beside the main line, the parts side by side, the analyses below."""
    rows = read_rows(table)
    chart = lay_out(
        [*_list_steps(rows)],
        [_describe_part(rows, part) for part in PARTS],
        [f"Here {USES[part]}" if part in USES else _list_analyses(rows) for part in PARTS],
    )
    with house_style():
        figure = Figure(figsize=(chart.width / 72, chart.height / 72))
        draw_chart(figure.add_axes((0, 0, 1, 1)), chart, height=chart.height)
        return figure


def _list_steps(rows: pd.DataFrame) -> Iterator[Step]:
    heads = rows[rows["what"] == ""].set_index("step")["n"]
    details = rows[rows["what"] != ""].to_dict("records")

    def lines(step: str, *, after: str = "") -> list[str]:
        return [
            f"{'   ' + row['reason'] if row['reason'] else _begin(row['what'])}{after}: {row['n']:.0f}"
            for row in details
            if row["step"] == step
        ]

    excluded = [f"Excluded: {heads[EXCLUDED]:.0f}", *lines(EXCLUDED)]
    yield Step(f"Entered: {heads[ENTERED]:.0f}", "\n".join(excluded) if heads[EXCLUDED] else "")
    others = [
        f"{_begin(step)}: {heads[step]:.0f}"
        for step in (UNLABELLED, NO_PART, EXTERNAL_COHORT)
        if step in heads
    ]
    others += lines(NO_TIME, after=", used where no time is learned")
    if others:
        yield Step(f"Not excluded: {heads[ENTERED] - heads[EXCLUDED]:.0f}", "\n".join(others))
    yield Step("\n".join([f"Divided into parts: {heads[DIVIDED]:.0f}", *lines(DIVIDED)]))


def _describe_part(rows: pd.DataFrame, part: str) -> str:
    own = rows[(rows["step"] == PART) & (rows["part"] == part)].to_dict("records")
    return "\n".join(f"{row['what'] or PARTS[part]}: {row['n']:.0f}" for row in own)


def _list_analyses(rows: pd.DataFrame) -> str:
    words = ["Analysed"]
    for row in rows[rows["step"] == ANALYSED].to_dict("records"):
        if row["note"] == NOT_RUN:
            words.append(f"{_begin(row['what'])}: {NOT_RUN}")
            continue
        unit = " hemispheres" if row["unit"] == HEMISPHERE else ""
        positive = "" if pd.isna(row["positives"]) else f" ({row['positives']:.0f} positive)"
        words.append(f"{_begin(row['what'])}: {row['n']:.0f}{unit}{positive}")
    return "\n".join(words)


def _begin(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}"
