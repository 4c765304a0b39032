"""How the rows of Table 2 are called, drawn and set out in the figures of the statistics."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.tables import KEY
from strokeclock.figures.roc import LOOKS, Look, look_joined
from strokeclock.figures.style import INK, PALE, PURPLE, SKY
from strokeclock.models.registry import find_network, networks
from strokeclock.predictions import OUTLINED

STARTS = {"genesis": Look("Models Genesis", SKY, "--")}  # of phase 1, which has no ROC figure
BASELINES = {
    ("outline", "ratios"): Look("outlined ratios", PURPLE, "-"),
    ("ratio", "flair"): Look("FLAIR ratio", PALE, "-"),
    ("ratio", "series"): Look("ratios of all series", PALE, "--"),
    ("clinical", "covariates"): Look("clinical covariates", PALE, "-."),
    ("ml", "radiomics"): Look("radiomics", PALE, ":"),
}
TEXTS = ("target", *KEY, "note", "scores", "certainty", "variable", "group")
PANEL_IN = 1.75


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read a table of the statistics; what is missing among the texts is ""."""
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str)).fillna(dict.fromkeys(TEXTS, ""))


def look_of(model: str, weights: str) -> Look:
    """The row's label, without the network's name, its colour and its line."""
    if model in networks():
        return (LOOKS | STARTS).get(weights) or Look(f"from {weights}", INK, "--")
    if model == OUTLINED and weights in networks():
        return look_joined(weights)
    return BASELINES.get((model, weights)) or Look(f"{model} {weights}", PALE, ":")


def title_of(model: str, weights: str) -> str:
    label = look_of(model, weights).label
    return f"{find_network(model).title} {label}" if model in networks() else label


def split_rows(rows: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Yield what is written in these of the `TEXTS` and its rows, in the order of their first ones."""
    for _, group in rows.groupby([*columns], sort=False):
        yield tuple(str(group[column].iloc[0]) for column in columns), group


def tile(groups: Iterable[Hashable], *, columns: int) -> tuple[Figure, Iterator[Axes]]:
    """A figure of small square panels, one a group, and these; the empty places of the last row are off."""
    panels = max(1, len(list(groups)))
    columns = min(columns, panels)
    rows = -(-panels // columns)
    figure = Figure(figsize=(PANEL_IN * columns + 0.4, (PANEL_IN + 0.35) * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for place, axis in enumerate(axes):
        if place >= panels:
            axis.set_axis_off()
        axis.tick_params(labelbottom=place + columns >= panels)
    return figure, iter(axes[:panels])


def say(figure: Figure, text: str) -> None:
    """Write one sentence where there is nothing to draw."""
    figure.clear()
    figure.text(0.5, 0.5, text, ha="center", va="center")
