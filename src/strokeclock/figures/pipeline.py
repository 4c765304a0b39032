"""Figure 2: the rules of the workflow and which takes what another made, stage under stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path

from strokeclock.figures.layered import Edge, Layout, lay_out, reduce_edges
from strokeclock.figures.style import BLUE, INK, PALE, house_style, save_figure
from strokeclock.figures.words import measure

# Stage -> the files of workflow/rules whose rules belong to it; what no stage names is evaluation.
STAGES = {
    "Raw series": ("cohort", "phantom"),
    "Preprocessing": ("atlas", "preprocessing_fsl", "preprocessing_open"),
    "Hemispheres": ("hemispheres", "lesions"),
    "Training": ("pretraining", "training"),
    "Evaluation": (),
}
TARGETS = {"all", "quality"}  # rules without files of their own
PAGE = "results_page"

# points
_SIZE, _LINE = 7.0, 9.0  # of a rule's name, from line to line
_PAD, _ROUND = 5.0, 3.0  # about the words of a box; of its corners
_GAP, _FALL, _BAND = 9.0, 12.0, 7.0  # beside boxes, from row to row, above and below a stage
_HEAD = 3.5  # of an arrow, which ends upright
_MARGIN = 80.0  # left, for the stages' names
_TINT = "#F1F4F7"


class Rule(NamedTuple):
    """A rule's file in workflow/rules, without suffix, and the rules whose files it takes."""

    file: str
    after: Sequence[str]


@dataclass(frozen=True)
class Box:
    """Rules drawn as one. last: nothing but the results page takes from them."""

    rules: tuple[str, ...]
    stage: str
    last: bool = False

    @property
    def width(self) -> float:
        return max(measure(name, size=_SIZE) for name in self.rules) + 2 * _PAD

    @property
    def height(self) -> float:
        return _LINE * len(self.rules) + _PAD


def group_rules(rules: Mapping[str, Rule]) -> tuple[dict[str, Box], set[Edge]]:
    """Make boxes of rules, and arrows between them.

    Rules of one file from which nothing but the results page takes share a box; targets are left out, and
    so are arrows that follow from others.

    Returns
    -------
    boxes, edges
        Name of the box -> box; (box, box that takes its files).
    """
    rules = {name: rule for name, rule in rules.items() if name not in TARGETS}
    stage_of = {file: stage for stage, files in STAGES.items() for file in files}
    taken = {before for name, rule in rules.items() if name != PAGE for before in rule.after}
    members: dict[str, list[str]] = {}
    for name, rule in rules.items():
        place = name if name in taken or name == PAGE else f"{rule.file}.smk"
        members.setdefault(place, []).append(name)
    boxes = {
        place: Box(tuple(names), stage_of.get(rules[names[0]].file, "Evaluation"), place not in rules)
        for place, names in members.items()
    }
    box_of = {name: place for place, names in members.items() for name in names}
    edges = {(box_of[before], box_of[name]) for name, rule in rules.items() for before in rule.after}
    return boxes, reduce_edges(edges)


def draw_pipeline(rules: Mapping[str, Rule], outputs: Sequence[str | File]) -> None:
    """Draw the workflow's rules from above, each stage a band.

    Parameters
    ----------
    rules : mapping of name -> Rule
        Snakemake's rule graph.
    outputs : paths
        The figure (.svg, .png).
    """
    boxes, edges = group_rules(rules)
    stages = [stage for stage in STAGES if any(box.stage == stage for box in boxes.values())]
    layout = lay_out(
        {name: box.width for name, box in boxes.items()},
        edges,
        bands=[[name for name, box in boxes.items() if box.stage == stage] for stage in stages],
        gap=_GAP,
    )
    rows, bands = _stack(layout, boxes, stages)
    width = max(layout.x[name] + box.width / 2 for name, box in boxes.items()) + _GAP
    height = rows[-1][1] + _BAND
    with house_style():
        figure = Figure(figsize=((width + _MARGIN) / 72, height / 72))
        axis = figure.add_axes((0, 0, 1, 1), xlim=(-_MARGIN, width), ylim=(height, 0))
        axis.set_axis_off()
        for number, (stage, (top, bottom)) in enumerate(zip(stages, bands, strict=True)):
            tint = _TINT if number % 2 == 0 else "white"
            axis.add_patch(Rectangle((-_MARGIN, top), width + _MARGIN, bottom - top, color=tint, zorder=0))
            axis.text(_PAD - _MARGIN, (top + bottom) / 2, stage, size=8, weight="bold", va="center")
        for route in layout.routes.values():
            _draw_arrow(axis, route, layout, rows, boxes)
        for row, (top, bottom) in zip(layout.layers, rows, strict=True):
            for name in row:
                _draw_box(axis, boxes[name], layout.x[name], (top + bottom) / 2)
        save_figure(figure, *outputs)


def _stack(
    layout: Layout, boxes: Mapping[str, Box], stages: Sequence[str]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Top and bottom of each row, and of each stage's band, from 0 downwards."""
    rows: list[tuple[float, float]] = []
    bands: dict[str, tuple[float, float]] = {}
    y = 0.0
    for row in layout.layers:
        stage = boxes[row[0]].stage
        y += _FALL if stage in bands else _BAND * (2 if bands else 1)
        top, y = y, y + max(boxes[name].height for name in row)
        rows.append((top, y))
        bands[stage] = (bands.get(stage, (top - _BAND,))[0], y + _BAND)
    return rows, [bands[stage] for stage in stages]


def _draw_box(axis: Axes, box: Box, x: float, y: float) -> None:
    look = {"facecolor": "white", "edgecolor": BLUE, "linewidth": 0.9}
    if box.last:
        look |= {"edgecolor": PALE, "linestyle": (0, (3, 2))}
    shape = f"round,pad=0,rounding_size={_ROUND}"
    corner = (x - box.width / 2, y - box.height / 2)
    axis.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=shape, zorder=3, **look))
    for number, name in enumerate(box.rules):
        height = y + (number - (len(box.rules) - 1) / 2) * _LINE
        axis.text(x, height, name, size=_SIZE, ha="center", va="center_baseline", zorder=4, color=INK)


def _draw_arrow(
    axis: Axes,
    route: Sequence,
    layout: Layout,
    rows: Sequence[tuple[float, float]],
    boxes: Mapping[str, Box],
) -> None:
    """Upright through rows, bending between them, where no box is."""
    level = {name: number for number, row in enumerate(layout.layers) for name in row}
    first, last = route[0], route[-1]
    x, y = layout.x[first], sum(rows[level[first]]) / 2 + boxes[first].height / 2
    points, codes = [(x, y)], [Path.MOVETO]
    for number, place in enumerate(route[1:], start=level[first] + 1):
        (_, above), (top, bottom) = rows[number - 1], rows[number]
        middle, below = (above + top - _HEAD) / 2, layout.x[place]
        points += [(x, above), (x, middle), (below, middle), (below, top - _HEAD)]
        codes += [Path.LINETO, *[Path.CURVE4] * 3]
        x = below
        points.append((x, sum(rows[number]) / 2 - boxes[last].height / 2 if place == last else bottom))
        codes.append(Path.LINETO)
    look = {"color": "#777777", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "capstyle": "butt", "zorder": 2}
    head = f"-|>,head_length={_HEAD},head_width={_HEAD / 2}"
    axis.add_patch(FancyArrowPatch(path=Path(points, codes), arrowstyle=head, mutation_scale=1, **look))
