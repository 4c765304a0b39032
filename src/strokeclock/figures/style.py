"""One style for all figures: colour-blind safe, readable in grey, the same bytes every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from strokeclock.figures.palette import BLACK, BLUE, GREEN, INK, ORANGE, PALE, PURPLE, SKY, VERMILION
from strokeclock.files import replacing

# The colours of every figure; they stand in a module of their own for what draws without matplotlib.
__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "INK",
    "ORANGE",
    "PALE",
    "PURPLE",
    "SKY",
    "VERMILION",
    "house_style",
    "save_figure",
]

PASSES = 3  # at most: then a layout with panels of a fixed aspect no longer changes
# Any: matplotlib lists each key as a type of its own.
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": 200,
    "svg.hashsalt": "strokeclock",
    "image.interpolation": "nearest",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this context; matplotlib's own settings come back after it."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def save_figure(figure: Figure, *paths: str | Path) -> None:
    """Write the figure to each path (.svg, .png), whole or not at all, without dates or program names."""
    with house_style():
        _settle_layout(figure)
        for path in map(Path, paths):
            metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
            with replacing(path) as beside:
                figure.savefig(beside, bbox_inches="tight", pad_inches=0.08, metadata=metadata)


def _settle_layout(figure: Figure) -> None:
    """Lay the figure out, and round where its axes lie.

    The last digits of the layout's solver depend on where its variables lie in memory, and a change of them
    would show in the bytes of an SVG.
    """
    if engine := figure.get_layout_engine():
        before: list[np.ndarray] = []
        for _ in range(PASSES):
            engine.execute(figure)  # draws nothing, which takes as long again
            places = [axes.get_position(original=True).get_points() for axes in figure.axes]
            if before and np.allclose(places, before, rtol=0, atol=1e-9):
                break
            before = places
        figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(6)))
