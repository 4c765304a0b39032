"""Figure 4: the networks as built: layers, shapes, parameters and where the attention gates stand."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import nn

from strokeclock.figures.style import BLUE, INK, ORANGE, house_style, save_figure
from strokeclock.figures.words import measure
from strokeclock.models.architecture import Architecture
from strokeclock.models.attention import GridAttention
from strokeclock.models.channels import OTHER

Shape = tuple[int, ...]

# points
_SIZE, _LINE = 6.5, 8.5  # of words, from line to line
_GAP = 13.0  # between columns
_TALL, _LOW = 64.0, 9.0  # the map with most rows, and the least there is
_BAR = 5.0  # width of what is no map
_LANE = 36.0  # from gate to gate
_GATE = 28.0  # height of a gate
_GREY = "#777777"


@dataclass(frozen=True)
class Step:
    """Modules of the trunk that run one after the other.

    came, left: shape of the map that comes in and of the one that goes out, (channels, *space);
    kernels: kernel -> how many convolutions have it.
    """

    names: tuple[str, ...]
    came: Shape
    left: Shape
    kernels: dict[Shape, int]
    parameters: int


@dataclass(frozen=True)
class Gate:
    """An attention gate. x, g: numbers of the steps whose maps it takes; space: of its coefficients."""

    name: str
    x: int
    g: int
    space: Shape
    features: int
    parameters: int


@dataclass(frozen=True)
class Summary:
    """What one hemisphere goes through.

    slices : how many maps of the trunk belong to one hemisphere; 1 where it is seen whole.
    slice_weights : how many there are; 0 where it is seen whole.
    weighted_first : the slices' maps are summed before they are gated and pooled, not their logits.
    features : that the classifier sees; ``pooled`` of them are the last map's mean.
    """

    channels: tuple[str, ...]
    grid: Shape
    slices: int
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    features: int
    classifier: int
    slice_weights: int
    weighted_first: bool
    parameters: int

    @property
    def pooled(self) -> int:
        return self.features - sum(gate.features for gate in self.gates)


def summarise(architecture: Architecture) -> Summary:
    """Build the network, send one hemisphere through it, and note what each module did.

    The trunk's modules that make one of its stages together are one step, the others (pooling) one each.
    """
    network = architecture.build().eval()
    trunk = network.trunk
    noted: dict[nn.Module, tuple[tuple[Shape, ...], Shape]] = {}

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(output, torch.Tensor):
            noted[module] = tuple(tuple(map_.shape) for map_ in inputs), tuple(output.shape)

    for module in network.modules():
        module.register_forward_hook(note)
    with torch.inference_mode():
        network(torch.rand(1, len(architecture.channels), *architecture.grid))

    name_of = {module: name for name, module in trunk.named_children()}
    stage_of = {module: stage for stage in trunk.stages for module in stage}
    # hooks run in the order of the network
    groups = dict.fromkeys(stage_of.get(module, (module,)) for module in noted if module in name_of)
    steps = tuple(
        Step(
            names=tuple(name_of[module] for module in group),
            came=noted[group[0]][0][0][1:],
            left=noted[group[-1]][1][1:],
            kernels=dict(
                Counter(
                    convolution.kernel_size
                    for module in group
                    for convolution in module.modules()
                    if isinstance(convolution, nn.Conv2d | nn.Conv3d)
                )
            ),
            parameters=sum(_count(module) for module in group),
        )
        for group in groups
    )
    number_of = {step.left: number for number, step in enumerate(steps)}  # a later step replaces an equal one
    gates = []
    for name, module in network.named_modules():
        if isinstance(module, GridAttention):
            (x, g), (_, features) = noted[module]
            space = noted[module.psi][1][2:]
            gates.append(Gate(name, number_of[x[1:]], number_of[g[1:]], space, features, _count(module)))
    slices = noted[next(iter(groups))[0]][0][0][0]
    weights = getattr(network, "slice_scores", torch.empty(0)).numel()
    return Summary(
        channels=architecture.channels,
        grid=architecture.field.size(architecture.grid),
        slices=slices,
        steps=steps,
        gates=tuple(gates),
        features=network.fc.in_features,
        classifier=_count(network.fc),
        slice_weights=weights,
        weighted_first=bool(weights) and noted[network.fc][0][0][0] == 1,
        parameters=_count(network),
    )


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def draw_networks(architectures: Sequence[Architecture], outputs: Sequence[str | Path]) -> None:
    """Draw each network from left to right: a block for every step's map, the gates below.

    Parameters
    ----------
    architectures : sequence
        Of the networks.
    outputs : paths
        The figure (.svg, .png).
    """
    panels = [_Panel(architecture.net, summarise(architecture)) for architecture in architectures]
    width, height = max(panel.width for panel in panels), sum(panel.height for panel in panels)
    with house_style():
        figure = Figure(figsize=(width / 72, height / 72))
        axis = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        top = 0.0
        for panel in panels:
            panel.draw(axis, top)
            top += panel.height
        save_figure(figure, *outputs)


@dataclass(frozen=True)
class _Column:
    """Words above, and a block below them: its width and height."""

    words: tuple[str, ...]
    block: tuple[float, float]
    filled: bool = False

    @property
    def width(self) -> float:
        return max(
            self.block[0], *(measure(line, size=_SIZE, bold=i == 0) for i, line in enumerate(self.words))
        )


class _Panel:
    """One network; all lengths in points from its upper left."""

    def __init__(self, net: str, summary: Summary):
        self.summary = summary
        axes = f"y × x of one of {summary.slices} slices" if summary.slices > 1 else "x × y × z"
        self.title = f"{net.upper()} network, {summary.parameters:,} parameters"
        self.subtitle = f"Each block a map: its shape, channels × {axes}; parameters"
        self.columns = self._columns()
        self.words = _LINE * max(len(column.words) for column in self.columns)
        self.middle = 30 + self.words + _TALL / 2
        self.width = sum(column.width for column in self.columns) + _GAP * (len(self.columns) - 1)
        self.height = self.middle + _TALL / 2 + _LANE * len(summary.gates) + 26

    def _columns(self) -> list[_Column]:
        summary = self.summary
        first = summary.steps[0].came
        series = (_name_channel(channel) for channel in summary.channels)
        rows = first[1] if summary.slices > 1 else first[2]

        def block(shape: Shape) -> tuple[float, float]:
            y = shape[1] if summary.slices > 1 else shape[2]
            return 3 + shape[0] ** 0.5, max(_LOW, _TALL * (y / rows) ** 0.6)

        columns = [_Column(("hemisphere", *series, _times(summary.grid)), block(first), filled=True)]
        for step in summary.steps:
            kernels = [f"{n} conv {_times(kernel, '×')}" for kernel, n in step.kernels.items()]
            words = (" + ".join(step.names), *kernels, _times(step.left), f"{step.parameters:,}")
            columns.append(_Column(words, block(step.left), filled=True))
        sizes = [summary.pooled, *(gate.features for gate in summary.gates)]
        features = _Column(("features", " + ".join(map(str, sizes))), (_BAR, _TALL / 2))
        classifier = _Column(("fc", f"{summary.features} → 1", f"{summary.classifier:,}"), (_BAR, _TALL / 4))
        logit = _Column(("logit", "1"), (_BAR, _BAR))
        summed = "sum the maps" if summary.weighted_first else "sum the slices"
        weights = _Column(("slice_scores", summed, f"{summary.slice_weights}"), (_BAR, _TALL / 2))
        if not summary.slice_weights:
            return [*columns, features, classifier, logit]
        if summary.weighted_first:
            return [*columns, weights, features, classifier, logit]
        return [*columns, features, classifier, weights, logit]

    def draw(self, axis: Axes, top: float) -> None:
        axis.text(0, top + 12, self.title, size=9, weight="bold", va="baseline")
        x = measure(self.title, size=9, bold=True) + 8
        axis.text(x, top + 12, self.subtitle, size=_SIZE, va="baseline", color=_GREY)
        middles, x = [], 0.0
        for column in self.columns:
            middles.append(x + column.width / 2)
            x += column.width + _GAP
        y = top + self.middle
        for column, middle in zip(self.columns, middles, strict=True):
            self._draw_column(axis, column, middle, y)
        for number in range(1, len(self.columns)):
            before, after = self.columns[number - 1], self.columns[number]
            start, end = middles[number - 1] + before.block[0] / 2, middles[number] - after.block[0] / 2
            _arrow(axis, [(start + 1, y), (end - 1, y)])
            if number > 1 and number <= len(self.summary.steps):
                left, came = self.summary.steps[number - 2].left, self.summary.steps[number - 1].came
                if left != came:
                    factor = round(left[1] / came[1])
                    axis.text((start + end) / 2, y + 3, f"÷ {factor}", size=_SIZE, ha="center", va="top")
        self._draw_gates(axis, middles, y)

    def _draw_column(self, axis: Axes, column: _Column, middle: float, y: float) -> None:
        width, height = column.block
        look = {"facecolor": "#CFE3F1" if column.filled else "white", "edgecolor": BLUE, "linewidth": 0.9}
        axis.add_patch(Rectangle((middle - width / 2, y - height / 2), width, height, zorder=3, **look))
        for number, line in enumerate(reversed(column.words)):
            weight = "bold" if number == len(column.words) - 1 else "normal"
            height = y - _TALL / 2 - 5 - number * _LINE
            axis.text(middle, height, line, size=_SIZE, ha="center", va="baseline", weight=weight, color=INK)

    def _draw_gates(self, axis: Axes, middles: Sequence[float], y: float) -> None:
        below = y + _TALL / 2
        goal = next(i for i, column in enumerate(self.columns) if column.words[0] == "features")
        bottom = below + _LANE * len(self.summary.gates) + 8
        for number, gate in enumerate(self.summary.gates):
            words = (
                gate.name,
                f"{_times(gate.space)} → {gate.features}",
                f"{gate.parameters:,}",
            )
            half = max(measure(line, size=_SIZE, bold=i == 0) for i, line in enumerate(words)) / 2 + 4
            x, g = middles[1 + gate.x], middles[1 + gate.g]
            height = below + _LANE * (number + 0.5) + 4
            # the map x from above, the gating map g round from below
            _arrow(axis, [(x, y + self.columns[1 + gate.x].block[1] / 2 + 1), (x, height - _GATE / 2 - 1)])
            at = x + half * 0.6
            start = y + self.columns[1 + gate.g].block[1] / 2 + 1
            _arrow(axis, [(g, start), (g, bottom), (at, bottom), (at, height + _GATE / 2 + 1)], dashed=True)
            end = middles[goal] + 3 * (number - (len(self.summary.gates) - 1) / 2)
            finish = y + self.columns[goal].block[1] / 2 + 1
            _arrow(axis, [(x + half, height), (end, height), (end, finish)])
            corner = (x - half, height - _GATE / 2)
            look = {"facecolor": "#FBEBCB", "edgecolor": ORANGE, "linewidth": 0.9, "zorder": 3}
            shape = "round,pad=0,rounding_size=3"
            axis.add_patch(FancyBboxPatch(corner, 2 * half, _GATE, boxstyle=shape, **look))
            for line, text in enumerate(words):
                weight = "bold" if line == 0 else "normal"
                place = {"ha": "center", "va": "center_baseline", "zorder": 4}
                axis.text(x, height + (line - 1) * _LINE, text, size=_SIZE, weight=weight, **place)


def _arrow(axis: Axes, points: Sequence[tuple[float, float]], *, dashed: bool = False) -> None:
    style = (0, (3, 2)) if dashed else "-"
    xs, ys = zip(*points, strict=True)
    axis.plot(xs, ys, color=_GREY, linewidth=0.8, linestyle=style, zorder=2, clip_on=False)
    head = {"arrowstyle": "-|>,head_length=3,head_width=1.6", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 1}
    axis.annotate("", points[-1], points[-2], arrowprops={"color": _GREY, "linewidth": 0, **head})


def _times(shape: Sequence[int], sign: str = " × ") -> str:
    return sign.join(map(str, shape))


def _name_channel(channel: str) -> str:
    series = channel.removeprefix(OTHER)
    words = series.upper().replace("T2W", "T2w")
    return words if series == channel else f"{words} − other"
