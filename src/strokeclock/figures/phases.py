"""Figure 5: the phases of training: which comes after which, what each learns, from whom, and how."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from strokeclock.cohort.split import PARTS, read_cohort
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.style import BLUE, INK, PALE, house_style, save_figure
from strokeclock.figures.words import measure, wrap
from strokeclock.training.phases import (
    GENESIS,
    ORIGINS,
    Task,
    frozen_modules,
    has_attention,
    parent,
    read_tasks,
    rows_of,
    settings_of,
)

Start = tuple[str, str, str]  # network, phase, weights
NOTHING = "–"
TITLES = ("asks", *PARTS, "starts from", "how", "frozen", "classifier", "gates")
_ASKS = {
    GENESIS: "restores hemispheres",
    ORIGINS["imagenet"][0]: "ImageNet’s classes",
    ORIGINS["medical"][0]: "brain tumours",
}
_OPTIMISERS = {"adabound": "AdaBound", "adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# points
_SIZE, _LINE = 7.0, 9.5  # of words, from line to line
_PAD, _BOX = 5.0, 14.0  # beside the words of a box, and its height
_COLUMN, _ROW = 14.0, 6.0  # between columns, above and below a row's words
_LANE = 9.0  # from arrow to arrow beside the boxes
_WIDEST = 118.0  # of a cell
_TINT = "#F1F4F7"
_DASHED = (0, (3, 2))


@dataclass(frozen=True)
class Row:
    """A phase. cells: the lines under each of `TITLES`; task: one of the configuration's, and no phase 0."""

    phase: str
    cells: tuple[tuple[str, ...], ...]
    task: bool


@dataclass(frozen=True)
class Arrow:
    """From a phase to one that starts from its weights; chain: the chain of phases goes this way."""

    before: str
    after: str
    chain: bool


def tabulate_phases(
    training: Mapping[str, object], starts: Collection[Start], patients: pd.DataFrame
) -> tuple[list[Row], list[Arrow]]:
    """List the phases that are run, phase 0 first, and what starts from what.

    Parameters
    ----------
    training : mapping
        The configuration's ``training``.
    starts : collection
        Of all trainings.
    patients : data frame
        part, lesion_side, onset_to_mri_min of each patient of the split.
    """
    tasks = read_tasks(training)
    edges = {
        (before[0], phase, (phase, weights) in rows_of("chain", net, tasks=tasks))
        for net, phase, weights in starts
        if phase in tasks and (before := parent(net, phase, weights, tasks))
    }
    arrows = [Arrow(*edge) for edge in sorted(edges)]
    origins = [phase for phase, _ in ORIGINS.values() if any(arrow.before == phase for arrow in arrows)]
    rows = [_tell_origin(phase, training.get(phase), patients) for phase in sorted(origins, reverse=True)]
    for phase, task in tasks.items():
        own = sorted({(net, weights) for net, at, weights in starts if at == phase})
        if own:
            rows.append(_tell_task(task, own, tasks, training, patients))
    return rows, arrows


def _tell_origin(phase: str, settings: Mapping | None, patients: pd.DataFrame) -> Row:
    counts = [(NOTHING,)] * len(PARTS)
    if phase == GENESIS:
        counts[0] = (f"{2 * (patients['part'] == 'train').sum()}",)
    learns = (NOTHING,)
    if settings:
        optimiser = settings.get("optimizer", "adam")
        learns = (*_tell_epochs(settings, by="validation loss"), _tell_rate(optimiser, settings["lr"]))
    return Row(phase, ((_ASKS[phase],), *counts, (NOTHING,), learns, *[(NOTHING,)] * 3), False)


def _tell_task(
    task: Task,
    starts: Sequence[tuple[str, str]],
    tasks: Mapping[str, Task],
    training: Mapping,
    patients: pd.DataFrame,
) -> Row:
    settings = settings_of(task.phase, training)
    nets = sorted({net for net, _ in starts})
    chained = [
        weights
        for net in nets
        for phase, weights in rows_of("chain", net, tasks=tasks)
        if phase == task.phase
    ]
    by_weights: dict[str, list[str]] = {}
    for net, weights in sorted(starts, key=lambda start: (start[1] not in chained, start[1], start[0])):
        by_weights.setdefault(weights, []).append(net)
    begins = [
        weights + (f" ({', '.join(own).upper()})" if own != nets else "")
        for weights, own in by_weights.items()
    ]

    kept = settings["selection"] == "last"
    by = None if kept else f"validation {settings['selection']}".replace("auc", "AUC")
    final = settings["final_lr"] if training["optimizer"] == "adabound" else None
    learns = (*_tell_epochs(settings, by=by), _tell_rate(training["optimizer"], settings["lr"], final))

    frozen = {
        net: frozen_modules(
            net,
            task.phase,
            weights,
            freeze=settings["freeze"],
            tasks=tasks,
            **{key: training[key] for key in ("freeze_2d", "attention_enter", "phase4_trainable")},
        )
        for net, weights in sorted(starts, key=lambda start: start[1] != "random")
    }  # random weights are never frozen: where a network has other starts, theirs stand
    layers = [
        f"{net.upper()}: {', '.join(names)}"
        for net, modules in sorted(frozen.items())
        if (names := [module.rpartition(".")[2] for module in modules if module != "attention"])
    ]
    enter = training["attention_enter"]
    gates = NOTHING
    if has_attention(task.phase, attention_enter=enter, tasks=tasks):
        joining = task.attention and enter == "phase4"
        waiting = any("attention" in modules for modules in frozen.values())
        gates = "wait, frozen" if waiting else "join" if joining else "learn"
    head = {"inherit": "inherited", "fresh": "new"}[settings["head"]] if task.after else "new"
    cells = (
        (name_target(task.below_min),),
        *(_count_hemispheres(patients[patients["part"] == part], task) for part in PARTS),
        tuple(begins),
        learns,
        tuple(line for layer in layers for line in wrap(layer, _WIDEST, size=_SIZE)) or (NOTHING,),
        (head,),
        (gates,),
    )
    return Row(task.phase, cells, True)


def _count_hemispheres(patients: pd.DataFrame, task: Task) -> tuple[str, str]:
    """How many are learned from, and how many of them have label 1."""
    sides = patients["lesion_side"].map({"left": 1, "right": 1, "both": 2})
    if task.both_hemispheres:
        return f"{2 * len(patients)}", f"{sides.sum()} yes"
    return f"{sides.sum()}", f"{sides[patients['onset_to_mri_min'] < task.below_min].sum()} yes"


def _tell_epochs(settings: Mapping, *, by: str | None) -> tuple[str, ...]:
    """by: what selects the epoch and ends the training; None: all are run, the last is kept."""
    if by is None:
        return f"{settings['epochs']} epochs, batch {settings['batch']}", "the last epoch is kept"
    first = settings.get("min_epochs", 0)
    patience = f"patience {settings['patience']}" + (f" after {first}" if first else "")
    return f"≤ {settings['epochs']} epochs, batch {settings['batch']}", f"{by}, {patience}"


def _tell_rate(optimiser: str, rate: float, final: float | None = None) -> str:
    bound = f", final {_power(final)}" if final is not None else ""
    return f"{_OPTIMISERS[optimiser]} {_power(rate)}{bound}"


def _power(number: float) -> str:
    """5e-04 as 5·10⁻⁴."""
    digits, exponent = f"{number:e}".split("e")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return power if float(digits) == 1 else f"{float(digits):g}·{power}"


def tell_recipe(recipe: str, training: Mapping) -> str:
    """What all phases share, in one sentence."""
    decay, softness = training["weight_decay"], training["label_softness"]
    augmented = ", ".join(f"{name} {value:g}" for name, value in training["augmentation"].items() if value)
    parts = (
        f"Recipe “{recipe}”: learning rate {training['schedule'].replace('_', ' ')}",
        f"weight decay {decay:g}",
        f"time labels fade over {softness:g} SD of log time" if softness else "hard labels",
        f"augmentation ({augmented})" if augmented else "no augmentation",
        f"seed{'s' * (len(training['seeds']) > 1)} {', '.join(map(str, training['seeds']))}.",
    )
    return "; ".join(parts)


def draw_phases(
    outputs: Sequence[str | Path],
    *,
    training: Mapping[str, object],
    recipe: str,
    starts: Collection[Start],
    cohort: str | Path,
    split: str | Path,
) -> None:
    """Draw a row for each phase, arrows from weights to what starts from them on the left.

    Parameters
    ----------
    outputs : paths
        The figure (.svg, .png).
    training, starts : as of `tabulate_phases`.
    recipe : str
        The recipe's name.
    cohort, split : paths
        cohort.tsv and split.tsv.
    """
    patients = pd.read_csv(split, sep="\t", dtype=str).merge(read_cohort(cohort), on="patient", how="left")
    rows, arrows = tabulate_phases(training, starts, patients)
    counts = patients["part"].value_counts()
    heads = [(title, f"{counts.get(title, 0)} patients") if title in PARTS else (title,) for title in TITLES]
    sheet = _Sheet(rows, arrows, heads)
    notes = list(wrap(tell_recipe(recipe, training), sheet.right - sheet.left, size=_SIZE))
    height = sheet.bottom + _LINE * (len(notes) + 1)
    with house_style():
        figure = Figure(figsize=(sheet.right / 72, height / 72))
        axis = figure.add_axes((0, 0, 1, 1), xlim=(0, sheet.right), ylim=(height, 0))
        axis.set_axis_off()
        sheet.draw_rows(axis)
        sheet.draw_arrows(axis)
        _write(axis, sheet.left, sheet.bottom + _LINE * 1.2, notes)
        save_figure(figure, *outputs)


class _Sheet:
    """Where rows, columns and arrows stand: boxes from `left`, cells to `right`, rows to `bottom`."""

    def __init__(self, rows: Sequence[Row], arrows: Sequence[Arrow], heads: Sequence[Sequence[str]]):
        self.rows, self.arrows, self.heads = rows, arrows, heads
        order = [row.phase for row in rows]
        self.next = {arrow for arrow in arrows if order.index(arrow.after) == order.index(arrow.before) + 1}
        # what leads past a row has a lane beside the boxes, one for each phase that it comes from
        self.lanes = sorted({arrow.before for arrow in arrows if arrow not in self.next}, key=order.index)
        self.left = _LANE * (len(self.lanes) + 1)
        self.box = max(measure(row.phase, size=_SIZE, bold=True) for row in rows) + 2 * _PAD
        self.columns, x = [], self.left + self.box + _COLUMN
        for number, head in enumerate(heads):
            self.columns.append(x)
            widths = [measure(line, size=_SIZE) for row in rows for line in row.cells[number]]
            x += max(*widths, *(measure(line, size=_SIZE, bold=True) for line in head)) + _COLUMN
        self.right = x - _COLUMN + _PAD
        self.tops = [2.5 * _LINE + _ROW]
        for row in rows:
            self.tops.append(self.tops[-1] + _LINE * max(map(len, row.cells)) + 2 * _ROW)
        self.bottom = self.tops[-1]
        self.middles = {
            row.phase: (top + bottom) / 2
            for row, (top, bottom) in zip(rows, pairwise(self.tops), strict=True)
        }

    def draw_rows(self, axis: Axes) -> None:
        for x, head in zip(self.columns, self.heads, strict=True):
            _write(axis, x, _LINE * 1.5, head[:1], weight="bold")
            _write(axis, x, _LINE * 2.5, head[1:])
        for number, (row, (top, bottom)) in enumerate(zip(self.rows, pairwise(self.tops), strict=True)):
            if number % 2 == 0:
                place = (self.left - _PAD, top), self.right - self.left + _PAD, bottom - top
                axis.add_patch(Rectangle(*place, color=_TINT, zorder=0))
            middle = self.middles[row.phase]
            edge = {"edgecolor": BLUE} if row.task else {"edgecolor": PALE, "linestyle": _DASHED}
            _draw_box(axis, row.phase, self.left, middle, self.box, edge)
            for x, lines in zip(self.columns, row.cells, strict=True):
                _write(axis, x, middle - _LINE * (len(lines) / 2 - 0.75), lines)

    def draw_arrows(self, axis: Axes) -> None:
        for arrow in self.arrows:
            start, end = self.middles[arrow.before], self.middles[arrow.after]
            if arrow in self.next:
                x = self.left + self.box / 2
                points = [(x, start + _BOX / 2), (x, end - _BOX / 2)]
            else:
                lane = self.lanes.index(arrow.before)
                x = _LANE * (lane + 0.5)
                end += 3 * (lane - (len(self.lanes) - 1) / 2)  # lanes end beside each other
                points = [(self.left, start), (x, start), (x, end), (self.left, end)]
            _draw_arrow(axis, points, "-" if arrow.chain else _DASHED)


def _write(axis: Axes, x: float, y: float, lines: Sequence[str], **style) -> None:
    """Lines from a baseline downwards."""
    for number, line in enumerate(lines):
        axis.text(x, y + number * _LINE, line, size=_SIZE, va="baseline", **style)


def _draw_box(axis: Axes, name: str, left: float, middle: float, width: float, edge: Mapping) -> None:
    shape = {"boxstyle": "round,pad=0,rounding_size=3", "facecolor": "white", "linewidth": 0.9, "zorder": 3}
    axis.add_patch(FancyBboxPatch((left, middle - _BOX / 2), width, _BOX, **shape, **edge))
    place = {"ha": "center", "va": "center_baseline", "weight": "bold", "color": INK, "zorder": 4}
    axis.text(left + width / 2, middle, name, size=_SIZE, **place)


def _draw_arrow(axis: Axes, points: Sequence[tuple[float, float]], style: str | tuple) -> None:
    xs, ys = zip(*points, strict=True)
    axis.plot(xs, ys, color="#777777", linewidth=0.8, linestyle=style, zorder=2)
    head = {"arrowstyle": "-|>,head_length=3,head_width=1.6", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 1}
    axis.annotate("", points[-1], points[-2], arrowprops={"color": "#777777", "linewidth": 0, **head})
