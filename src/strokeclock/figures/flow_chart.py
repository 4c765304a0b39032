"""A flow chart of patients: a main line of boxes, who leaves it beside, and where it ends below."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from strokeclock.figures.sheet import LINE, measure, wrap
from strokeclock.figures.style import INK, PALE

WIDTH = 134.0  # of a box, points
_STEP = WIDTH + 16  # from one column to the next
_PAD, _GAP = 6.0, 12.0  # about words, and half of what lies between boxes
_EDGE = 2.0  # of the chart
_INDENT = "   "  # of the second line of what is too long for one

Point = tuple[float, float]


class Step(NamedTuple):
    """A box of the main line, and the box of who leaves before the next one; "": nobody does."""

    text: str
    leaving: str = ""


class _Box(NamedTuple):
    text: str
    left: float
    top: float
    width: float
    colour: str

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def bottom(self) -> float:
        return self.top + _measure(self.text)


class Chart(NamedTuple):
    """Boxes and arrows; width and height in points."""

    boxes: list[_Box]
    arrows: list[tuple[Point, ...]]
    width: float
    height: float


def lay_out(steps: Sequence[Step], ends: Sequence[str], below: Sequence[str] = ()) -> Chart:
    """Place the boxes of a chart.

    Parameters
    ----------
    steps : of the main line, from above, in the first column.
    ends : the boxes side by side, two or more, into which its last box divides.
    below : a further box below each of the ends, as far as there is one; "": none.
    """
    lefts = [_EDGE + number * _STEP for number in range(len(ends))]
    width = lefts[-1] + WIDTH + _EDGE
    beside = width - _EDGE - lefts[1]
    boxes: list[_Box] = []
    arrows: list[tuple[Point, ...]] = []
    top = _EDGE
    for number, step in enumerate(steps):
        box = _Box(_fit(step.text, WIDTH), lefts[0], top, WIDTH, INK)
        boxes.append(box)
        top = box.bottom + 2 * _GAP
        if step.leaving:
            leaving = _Box(_fit(step.leaving, beside), lefts[1], box.bottom + _GAP, beside, PALE)
            boxes.append(leaving)
            middle = (leaving.top + leaving.bottom) / 2
            arrows.append(((box.middle, middle), (leaving.left, middle)))
            top = leaving.bottom + _GAP
        if number < len(steps) - 1:
            arrows.append(((box.middle, box.bottom), (box.middle, top)))
    turn = (box.bottom + top) / 2
    lowest = []
    for text, under, left in zip_longest(ends, below, lefts, fillvalue=""):
        end = _Box(_fit(str(text), WIDTH), float(left), top, WIDTH, INK)
        boxes.append(end)
        arrows.append(((box.middle, box.bottom), (box.middle, turn), (end.middle, turn), (end.middle, top)))
        lowest.append((end, under))
    after = max(end.bottom for end, _ in lowest) + 2 * _GAP
    for end, under in lowest:
        if under:
            boxes.append(_Box(_fit(under, WIDTH), end.left, after, WIDTH, INK))
            arrows.append(((end.middle, end.bottom), (end.middle, after)))
    return Chart(boxes, arrows, width, max(box.bottom for box in boxes) + _EDGE)


def draw_chart(axis: Axes, chart: Chart, *, height: float) -> None:
    """Draw a chart into axes that are so many points high."""
    axis.set(xlim=(0, chart.width), ylim=(height, 0))
    axis.set_axis_off()
    for points in chart.arrows:
        style = {"arrowstyle": "-|>", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        axis.plot(*zip(*points[:-1], strict=True), color=INK, linewidth=0.8)
        axis.annotate("", xy=points[-1], xytext=points[-2], arrowprops=style)
    for box in chart.boxes:
        place, height = (box.left, box.top), _measure(box.text)
        axis.add_patch(
            Rectangle(place, box.width, height, facecolor="white", edgecolor=box.colour, linewidth=0.8)
        )
        axis.text(
            box.left + _PAD,
            box.top + height / 2,
            box.text,
            va="center",
            fontsize=7,
            linespacing=LINE / 7,
            parse_math=False,
        )


def _measure(text: str) -> float:
    """The height of a box of these lines."""
    return LINE * (text.count("\n") + 1) + 2 * _PAD


def _fit(text: str, width: float) -> str:
    """Break lines that are too long for a box; in a list, what goes on is indented."""
    lines = text.split("\n")

    def broken() -> Iterator[str]:
        for line in lines:
            start = line[: len(line) - len(line.lstrip())]
            indent = start + _INDENT if len(lines) > 1 else ""
            first, *more = wrap(line, width - 2 * _PAD - measure(indent)).split("\n")
            yield start + first
            yield from (indent + one for one in more)

    return "\n".join(broken())
