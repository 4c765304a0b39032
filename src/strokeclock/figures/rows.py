"""Names, styles and panels of Table 2's rows in the figures of the statistics."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.evaluation.tables import KEY
from strokeclock.figures.roc import STYLES, Style, style_joined
from strokeclock.figures.style import INK, PALE, PURPLE, SKY
from strokeclock.models.registry import find_network, networks
from strokeclock.predictions import SEGMENTED

STARTS = {"genesis": Style("Models Genesis", SKY, "--")}  # of phase 1, which has no ROC figure
BASELINES = {
    ("segmentation", "ratios"): Style("segmented ratios", PURPLE, "-"),
    ("ratio", "flair"): Style("FLAIR ratio", PALE, "-"),
    ("ratio", "series"): Style("ratios of all series", PALE, "--"),
    ("clinical", "covariates"): Style("clinical covariates", PALE, "-."),
    ("ml", "radiomics"): Style("radiomics", PALE, ":"),
}
TEXTS = (
    *("target", *KEY, "note", "scores", "bin", "certainty", "variable", "group"),
    *("side", "patients", "step", "part", "what", "reason", "unit", "level", "above"),
    *("error", "patient", "onset_class", "lesion_side", "volume_source"),
)
PANEL_IN = 1.75


def read_rows(path: str | Path) -> pd.DataFrame:
    """Read a table of the statistics; a missing text is ""."""
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str)).fillna(dict.fromkeys(TEXTS, ""))


def style_of(model: str, start: str) -> Style:
    """The row's label, without the network's name, its colour and its line."""
    if model in networks():
        return (STYLES | STARTS).get(start) or Style(f"from {start}", INK, "--")
    if model == SEGMENTED and start in networks():
        return style_joined(start)
    return BASELINES.get((model, start)) or Style(f"{model} {start}", PALE, ":")


def title_of(model: str, start: str) -> str:
    label = style_of(model, start).label
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


def write_instead(figure: Figure, text: str) -> None:
    """Write one sentence where there is nothing to draw."""
    figure.clear()
    figure.text(0.5, 0.5, text, ha="center", va="center")
