"""Words, boxes and arrows on a sheet; all lengths are points from its upper left corner."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, Rectangle

from strokeclock.figures.style import BLUE, PALE, house_style

SIZE, LINE = 7.0, 9.2  # of words, from line to line
GREY = "#767676"  # the palest that is still easy to read on white
_FINE = 200  # dots per inch at which words are measured: fewer move letters to whole dots
_PAD, _BOX = 6.0, 14.0  # about words, and the height of a box in a chain
_COLUMN, _LANE = 14.0, 9.0  # between columns, and between arrows beside the boxes


@cache
def measure(text: str, *, size: float = SIZE, bold: bool = False) -> float:
    """The width of the widest line, by the renderer that draws it."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size)
    renderer = RendererAgg(1, 1, _FINE)
    return max(
        renderer.get_text_width_height_descent(line, font, ismath=False)[0] * 72 / _FINE
        for line in text.split("\n")
    )


def wrap(text: str, width: float) -> str:
    """Break the text into lines no wider than this."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and measure(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def place_columns(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, start: float = 0, gap: float
) -> tuple[list[float], list[float]]:
    """Left edge and width of each column: as wide as its widest cell; its head is bold."""
    columns = zip(heads, *rows, strict=True)
    widths = [max(measure(head, bold=True), *map(measure, cells)) for head, *cells in columns]
    return list(accumulate(widths[:-1], lambda left, width: left + width + gap, initial=start)), widths


def new_sheet() -> Axes:
    """An empty sheet; `fit` gives it its size when everything is on it."""
    axis = Figure().add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    return axis


def fit(axis: Axes, width: float, height: float) -> Figure:
    """Give the sheet its size."""
    axis.set(xlim=(0, width), ylim=(height, 0))
    figure = axis.get_figure(root=True)
    assert figure is not None  # the sheet's axes have one
    figure.set_size_inches(width / 72, height / 72)
    return figure


def height_of(text: str) -> float:
    """The height of its lines."""
    return LINE * (text.count("\n") + 1)


def write(axis: Axes, x: float, top: float, text: str, **style: Any) -> None:
    """Write lines from their top downwards, left aligned unless `style` sets it."""
    whole: dict[str, Any] = {"size": SIZE, "va": "baseline", "parse_math": False, "zorder": 4} | style
    for number, line in enumerate(text.split("\n")):
        axis.text(x, top + LINE * (number + 0.75), line, **whole)


def draw_box(
    axis: Axes, left: float, top: float, width: float, height: float, *, corner: float = 3, **look: Any
) -> None:
    """Draw a box; corner: the radius of its corners."""
    whole: dict[str, Any] = {"facecolor": "white", "edgecolor": BLUE, "linewidth": 0.9, "zorder": 3} | look
    style = f"round,pad=0,rounding_size={corner}"
    axis.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=style, **whole))


def draw_arrow(axis: Axes, points: Sequence[tuple[float, float]], *, dashed: bool = False) -> None:
    """Draw an arrow from the first point over the others to the last."""
    style = (0, (3, 2)) if dashed else "-"
    axis.plot(*zip(*points, strict=True), color=GREY, linewidth=0.8, linestyle=style, zorder=2)
    head = {"arrowstyle": "-|>,head_length=3,head_width=1.6", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 1}
    axis.annotate("", points[-1], points[-2], arrowprops={"color": GREY, "linewidth": 0, **head})


class Row(NamedTuple):
    """A box of a chain and the cells beside it."""

    name: str
    cells: Sequence[str]
    dashed: bool = False


class Arrow(NamedTuple):
    """An arrow from row to row of a chain."""

    before: str
    after: str
    dashed: bool = False


def draw_chain(
    heads: Sequence[str], rows: Sequence[Row], arrows: Sequence[Arrow], *, note: str = ""
) -> Figure:
    """Draw a box a row, one below the other, and cells beside them.

    An arrow to the next row is straight; one that passes rows has a lane left of the boxes, which all such
    arrows from one box share.

    Parameters
    ----------
    heads : of the cells' columns; what follows their first line is not bold.
    note : a text below all.
    """
    order = [row.name for row in rows]
    follows = set(pairwise(order))
    lanes = sorted({arrow.before for arrow in arrows if arrow[:2] not in follows}, key=order.index)
    left, box = _LANE * (len(lanes) + 1), max(measure(name, bold=True) for name in order) + 2 * _PAD
    start = left + box + _COLUMN
    lefts, widths = place_columns(heads, [row.cells for row in rows], start=start, gap=_COLUMN)
    right = lefts[-1] + widths[-1]
    with house_style():
        axis = new_sheet()
        y = max(map(height_of, heads)) + _PAD
        for x, head in zip(lefts, heads, strict=True):
            bold, _, rest = head.partition("\n")
            write(axis, x, 0, bold, weight="bold")
            write(axis, x, LINE, rest)
        middles = {}
        for number, row in enumerate(rows):
            height = max(map(height_of, row.cells)) + 2 * _PAD
            if number % 2 == 0:
                place, width = (left - _PAD, y), right - left + 2 * _PAD
                axis.add_patch(Rectangle(place, width, height, color="#F1F4F7", zorder=0))
            middles[row.name] = middle = y + height / 2
            edge: dict[str, Any] = {"edgecolor": PALE, "linestyle": (0, (3, 2))} if row.dashed else {}
            draw_box(axis, left, middle - _BOX / 2, box, _BOX, **edge)
            write(axis, left + box / 2, middle - LINE / 2, row.name, ha="center", weight="bold")
            for x, cell in zip(lefts, row.cells, strict=True):
                write(axis, x, middle - height_of(cell) / 2, cell)
            y += height
        for arrow in arrows:
            start, end = middles[arrow.before], middles[arrow.after]
            if arrow[:2] in follows:
                x = left + box / 2
                points = [(x, start + _BOX / 2), (x, end - _BOX / 2)]
            else:
                lane = lanes.index(arrow.before)
                x = _LANE * (lane + 0.5)
                end += 3 * (lane - (len(lanes) - 1) / 2)  # lanes end beside each other
                points = [(left, start), (x, start), (x, end), (left, end)]
            draw_arrow(axis, points, dashed=arrow.dashed)
        if note:
            note = wrap(note, right - left)
            write(axis, left, y + _PAD, note)
            y += height_of(note) + _PAD
        return fit(axis, right + _PAD, y)
