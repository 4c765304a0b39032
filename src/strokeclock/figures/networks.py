"""Figure 4: the networks as built (`network_description`), each from left to right, the gates below."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.network_description import TALL, Block, Description, describe_network
from strokeclock.figures.sheet import LINE, draw_arrow, draw_box, fit, height_of, measure, new_sheet, write
from strokeclock.figures.style import ORANGE, house_style
from strokeclock.models.architecture import Architecture
from strokeclock.models.view import read_box

# points
_GAP = 12.0  # between blocks
_LANE, _GATE = 38.0, 30.0  # from gate to gate, and a gate's height


def draw_networks(
    models: Mapping[str, Mapping], *, grid: Sequence[int], attention: bool, box: str | Path | None = None
) -> Figure:
    """Draw the networks as they are trained (`draw_architectures`).

    Parameters
    ----------
    models : mapping of network -> its part of the configuration's ``models``
    grid : voxels of both hemispheres, x y z.
    attention : whether the gates are there.
    box : brain_box.json, the box of the view; None: the whole hemisphere.
    """
    x, y, z = grid
    return draw_architectures(
        [
            Architecture.of(settings, box=read_box(box), net=net, grid=(x // 2, y, z), attention=attention)
            for net, settings in models.items()
        ]
    )


def draw_architectures(architectures: Sequence[Architecture]) -> Figure:
    """Draw each network from left to right: a block for every step's map, the gates below."""
    with house_style():
        axis, top, right = new_sheet(), 0.0, 0.0
        for description in map(describe_network, architectures):
            write(axis, 0, top, description.title, weight="bold", size=8.5)
            blocks, x, middles = description.blocks, 0.0, []
            y = top + 3.5 * LINE + max(height_of(block.words) for block in blocks) + TALL / 2
            for block in blocks:
                middles.append(x + block.width / 2)
                x += block.width + _GAP
                _draw_block(axis, block, middles[-1], y)
            for (before, start), (after, end) in pairwise(zip(blocks, middles, strict=True)):
                ends = start + before.size[0] / 2 + 1, end - after.size[0] / 2 - 1
                draw_arrow(axis, [(x, y) for x in ends])
            _draw_gates(axis, description, middles, y)
            right = max(right, x - _GAP, measure(description.title, size=8.5, bold=True))
            top = y + TALL / 2 + _LANE * len(description.gates) + 3 * LINE
        return fit(axis, right, top - 2 * LINE)


def _draw_block(axis: Axes, block: Block, x: float, y: float) -> None:
    width, height = block.size
    style = {"facecolor": "#CFE3F1"} if block.tinted else {}
    draw_box(axis, x - width / 2, y - height / 2, width, height, corner=0, **style)
    top = y - TALL / 2 - 4 - height_of(block.words)
    write(axis, x, top - LINE, block.title, ha="center", weight="bold")
    write(axis, x, top, block.words, ha="center")


def _draw_gates(axis: Axes, description: Description, middles: Sequence[float], y: float) -> None:
    """Draw each below the map that it takes; the gating signal's arrow comes from below."""
    lows = [y + block.size[1] / 2 + 1 for block in description.blocks]
    bottom = y + TALL / 2 + _LANE * len(description.gates) + 8
    for number, (title, words, x, g) in enumerate(description.gates):
        half = max(measure(title, bold=True), measure(words)) / 2 + 4
        at, top = middles[x], y + TALL / 2 + _LANE * number + 8
        draw_box(axis, at - half, top, 2 * half, _GATE, facecolor="#FBEBCB", edgecolor=ORANGE)
        write(axis, at, top + 1, title, ha="center", weight="bold")
        write(axis, at, top + 1 + LINE, words, ha="center")
        draw_arrow(axis, [(at, lows[x]), (at, top - 1)])
        signal, source = at + half * 0.6, middles[g]
        round_ = [(source, lows[g]), (source, bottom), (signal, bottom), (signal, top + _GATE + 1)]
        draw_arrow(axis, round_, dashed=True)
        end = middles[description.features] + 3 * (number - (len(description.gates) - 1) / 2)
        out = top + _GATE / 2
        draw_arrow(axis, [(at + half, out), (end, out), (end, lows[description.features])])
