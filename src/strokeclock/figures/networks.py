"""Figure 4: the networks as built: layers, shapes, parameters and where the attention gates stand."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from strokeclock.figures.sheet import LINE, draw_arrow, draw_box, fit, height_of, measure, new_sheet, write
from strokeclock.figures.style import ORANGE, house_style
from strokeclock.models.architecture import Architecture
from strokeclock.models.attention import GridAttention
from strokeclock.models.channels import CONTRALATERAL
from strokeclock.models.classifier import Classifier
from strokeclock.models.registry import find_network
from strokeclock.models.view import read_box

# points
_GAP, _TALL, _LOW, _BAR = 12.0, 64.0, 9.0, 5.0  # between blocks; heights of maps; what is no map
_LANE, _GATE = 38.0, 30.0  # from gate to gate, and a gate's height


class Block(NamedTuple):
    """words: below the title, all above the block; size: width and height; tinted: a map."""

    title: str
    words: str
    size: tuple[float, float]
    tinted: bool = False

    @property
    def width(self) -> float:
        return max(self.size[0], measure(self.title, bold=True), measure(self.words))


class Gate(NamedTuple):
    """An attention gate; x, g: the numbers of the blocks whose maps it takes, g as the gating signal."""

    title: str
    words: str
    x: int
    g: int


class Description(NamedTuple):
    """A network: its blocks from the hemisphere to the logit; features: the number of the features' block."""

    title: str
    blocks: Sequence[Block]
    gates: Sequence[Gate]
    features: int


def describe_network(architecture: Architecture) -> Description:
    """Build the network, pass one hemisphere through it, and describe each module by its shapes.

    The trunk's modules that make one of its stages together are one block; others, such as pooling, are one
    each, in the trunk and beside it. A gate hangs on the last blocks that its maps are made from. Weights of
    no module that was called have a block of their own.
    """
    network = architecture.build().eval()
    seen = _pass_through(network, (1, len(architecture.channels), *architecture.grid))
    steps = _list_steps(network, seen)
    slices, *first = seen[steps[0].modules[0]].enters[0].shape
    rows = 2 if len(first) == 4 else 1  # axis of a map that is drawn upright: y

    def block(title: str, lines: Sequence[str], shape: Sequence[int]) -> Block:
        high = shape[rows] if len(shape) == len(first) else 1
        size = 3 + shape[0] ** 0.5, max(_LOW, _TALL * (high / first[rows]) ** 0.6)
        return Block(title, "\n".join(lines), size, tinted=True)

    series = map(_name_channel, architecture.channels)
    blocks = [block("hemisphere", [*series, _times(architecture.view.size(architecture.grid))], first)]
    taken: Sequence[int] = tuple(first)
    for step in steps:
        enters, leaves = seen[step.modules[0]].enters[0].shape[1:], seen[step.modules[-1]].leaves.shape[1:]
        is_smaller = len(enters) == len(taken) > 1 and enters[1:] != taken[1:]
        lines = [f"÷ {round(taken[1] / enters[1])}"] if is_smaller else []
        lines += [f"{count} {what}" for what, count in Counter(_list_convolutions(step.modules)).items()]
        lines += [_times(leaves), f"{sum(map(_count, step.modules)):,}"]
        blocks.append(block(step.title, lines, leaves))
        taken = leaves
    maps = [seen[step.modules[-1]].leaves for step in steps]
    gates, pooled = [], []
    for name, module in network.named_modules():
        if isinstance(module, GridAttention):
            x, g = (_find_source(one, maps) for one in seen[module].enters)
            pooled.append(seen[module].leaves.shape[1])
            words = f"{_times(seen[module.psi].leaves.shape[2:])} → {pooled[-1]}\n{_count(module):,}"
            gates.append(Gate(name, words, x, g))
    sizes = [network.fc.in_features - sum(pooled), *pooled]
    features = Block("features", " + ".join(map(str, sizes)), (_BAR, _TALL / 2))
    fc = Block("fc", f"{network.fc.in_features} → 1\n{_count(network.fc):,}", (_BAR, _TALL / 4))
    heads = [features, fc]
    scores = getattr(network, "slice_scores", None)
    if scores is not None:  # one weight a slice, for its maps or for its logit
        of_maps = seen[network.fc].enters[0].shape[0] == 1
        words = f"sum the {'maps' if of_maps else 'slices'}\n{scores.numel()}"
        heads.insert(0 if of_maps else 2, Block("slice_scores", words, (_BAR, _TALL / 2)))
    if others := _count_others(network, steps):
        heads.insert(heads.index(features), Block("other weights", f"{others:,}", (_BAR, _TALL / 2)))
    blocks += [*heads, Block("logit", "1", (_BAR, _BAR))]
    axes = "x × y × z" if len(first) == 4 else "y × x"
    if slices > 1:
        axes += f" of one of {slices} slices"
    title = f"{find_network(architecture.net).long_title}, {_count(network):,} parameters"
    return Description(f"{title}; maps: channels × {axes}", blocks, gates, blocks.index(features))


class _Call(NamedTuple):
    """What a module was given and what it returned."""

    enters: tuple[torch.Tensor, ...]
    leaves: torch.Tensor


class _Step(NamedTuple):
    """The modules of a block, in the order in which they were called."""

    title: str
    modules: tuple[nn.Module, ...]


def _pass_through(network: nn.Module, shape: Sequence[int]) -> dict[nn.Module, _Call]:
    """Module -> its last call, in the order in which the first ones end, where it returns one tensor.

    Gradients are recorded: they tell what a tensor is made from.
    """
    seen: dict[nn.Module, _Call] = {}

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if isinstance(output, torch.Tensor):
            seen[module] = _Call(inputs, output)

    for module in network.modules():
        module.register_forward_hook(note)
    with torch.enable_grad():
        network(torch.rand(shape))
    return seen


def _list_steps(network: Classifier, seen: Mapping[nn.Module, _Call]) -> list[_Step]:
    """List what becomes a block: the trunk's stages, and the other modules beside gates and fc."""
    trunk = network.trunk
    stage_of = {module: stage for stage in trunk.stages for module in stage}
    name_of = {module: name for name, module in network.named_modules()}
    name_of |= {module: name for name, module in trunk.named_modules()}
    rest = (module for module in network.children() if module not in (trunk, network.attention, network.fc))
    beside = (*(module for module in rest if _count(module)), *trunk.children())
    others = {module for module in beside if not stage_of.keys() & {*module.modules()}}
    shown = (module for module in seen if module in others or module in stage_of)
    steps = dict.fromkeys(stage_of.get(module, (module,)) for module in shown)
    called = (tuple(module for module in step if module in seen) for step in steps)
    return [_Step(" + ".join(name_of[module] for module in step), step) for step in called]


def _list_convolutions(modules: Sequence[nn.Module]) -> Iterator[str]:
    for part in (part for module in modules for part in module.modules()):
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            kind = "depthwise " if part.groups == part.in_channels > 1 else "grouped " * (part.groups > 1)
            yield f"{kind}conv {_times(part.kernel_size, '×')}"


def _find_source(made: torch.Tensor, maps: Sequence[torch.Tensor]) -> int:
    """The number of the last block whose map a tensor is, or is made from; 0, the hemisphere, without one."""
    nodes, left = set(), [made.grad_fn]
    while left:
        if (node := left.pop()) is not None and node not in nodes:
            nodes.add(node)
            left += [before for before, _ in node.next_functions]
    return max((number for number, one in enumerate(maps, start=1) if one.grad_fn in nodes), default=0)


def _count_others(network: Classifier, steps: Sequence[_Step]) -> int:
    """Count the weights that no block and no gate has."""
    modules = [module for step in steps for module in step.modules]
    modules += [module for module in network.modules() if isinstance(module, GridAttention)]
    shown = {id(weight) for module in (*modules, network.fc) for weight in module.parameters()}
    shown.add(id(getattr(network, "slice_scores", None)))
    return sum(weight.numel() for weight in network.parameters() if id(weight) not in shown)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _times(shape: Sequence[int], sign: str = " × ") -> str:
    return sign.join(map(str, shape))


def _name_channel(channel: str) -> str:
    series = channel.removeprefix(CONTRALATERAL)
    words = series.upper().replace("T2W", "T2w")
    return words if series == channel else f"{words} − contralateral"


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
            y = top + 3.5 * LINE + max(height_of(block.words) for block in blocks) + _TALL / 2
            for block in blocks:
                middles.append(x + block.width / 2)
                x += block.width + _GAP
                _draw_block(axis, block, middles[-1], y)
            for (before, start), (after, end) in pairwise(zip(blocks, middles, strict=True)):
                ends = start + before.size[0] / 2 + 1, end - after.size[0] / 2 - 1
                draw_arrow(axis, [(x, y) for x in ends])
            _draw_gates(axis, description, middles, y)
            right = max(right, x - _GAP, measure(description.title, size=8.5, bold=True))
            top = y + _TALL / 2 + _LANE * len(description.gates) + 3 * LINE
        return fit(axis, right, top - 2 * LINE)


def _draw_block(axis: Axes, block: Block, x: float, y: float) -> None:
    width, height = block.size
    style = {"facecolor": "#CFE3F1"} if block.tinted else {}
    draw_box(axis, x - width / 2, y - height / 2, width, height, corner=0, **style)
    top = y - _TALL / 2 - 4 - height_of(block.words)
    write(axis, x, top - LINE, block.title, ha="center", weight="bold")
    write(axis, x, top, block.words, ha="center")


def _draw_gates(axis: Axes, description: Description, middles: Sequence[float], y: float) -> None:
    """Draw each below the map that it takes; the gating signal's arrow comes from below."""
    lows = [y + block.size[1] / 2 + 1 for block in description.blocks]
    bottom = y + _TALL / 2 + _LANE * len(description.gates) + 8
    for number, (title, words, x, g) in enumerate(description.gates):
        half = max(measure(title, bold=True), measure(words)) / 2 + 4
        at, top = middles[x], y + _TALL / 2 + _LANE * number + 8
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
