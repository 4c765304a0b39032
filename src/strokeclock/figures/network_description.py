"""What Figure 4 draws of a network as built: layers, shapes, parameters and where attention gates stand."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn

from strokeclock.figures.sheet import measure
from strokeclock.models.architecture import Architecture
from strokeclock.models.attention import GridAttention
from strokeclock.models.channels import CONTRALATERAL
from strokeclock.models.classifier import Classifier
from strokeclock.models.registry import find_network

# points: heights of maps, the lowest of them, and what is no map
TALL, LOW, BAR = 64.0, 9.0, 5.0
FEATURES = "features"


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
    series = map(_name_channel, architecture.channels)
    words = [*series, _times(architecture.view.size(architecture.grid))]
    maps = [_map_block("hemisphere", words, first, first), *_describe_steps(steps, seen, first)]
    gates = _describe_gates(network, steps, seen)
    heads = _describe_heads(network, steps, seen)
    features = len(maps) + [block.title for block in heads].index(FEATURES)
    axes = "x × y × z" if len(first) == 4 else "y × x"
    if slices > 1:
        axes += f" of one of {slices} slices"
    title = f"{find_network(architecture.net).long_title}, {_count(network):,} parameters"
    return Description(f"{title}; maps: channels × {axes}", [*maps, *heads], gates, features)


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


def _map_block(title: str, lines: Sequence[str], shape: Sequence[int], first: Sequence[int]) -> Block:
    """A block whose size follows its maps: channels first; as high as y is beside that of the first ones."""
    rows = 2 if len(first) == 4 else 1  # axis of a map that is drawn upright: y
    high = shape[rows] if len(shape) == len(first) else 1
    size = 3 + shape[0] ** 0.5, max(LOW, TALL * (high / first[rows]) ** 0.6)
    return Block(title, "\n".join(lines), size, tinted=True)


def _describe_steps(
    steps: Sequence[_Step], seen: Mapping[nn.Module, _Call], first: Sequence[int]
) -> Iterator[Block]:
    """Describe each step: how much smaller its maps are made before it, its convolutions, maps, weights."""
    taken = tuple(first)
    for title, modules in steps:
        enters, leaves = seen[modules[0]].enters[0].shape[1:], seen[modules[-1]].leaves.shape[1:]
        is_smaller = len(enters) == len(taken) > 1 and enters[1:] != taken[1:]
        lines = [f"÷ {round(taken[1] / enters[1])}"] if is_smaller else []
        lines += [f"{count} {what}" for what, count in Counter(_list_convolutions(modules)).items()]
        lines += [_times(leaves), f"{sum(map(_count, modules)):,}"]
        yield _map_block(title, lines, leaves, first)
        taken = leaves


def _describe_gates(
    network: Classifier, steps: Sequence[_Step], seen: Mapping[nn.Module, _Call]
) -> list[Gate]:
    maps = [seen[step.modules[-1]].leaves for step in steps]
    gates = []
    for name, gate in _list_gates(network):
        x, g = (_find_source(one, maps) for one in seen[gate].enters)
        weights, pooled = seen[gate.psi].leaves.shape[2:], seen[gate].leaves.shape[1]
        gates.append(Gate(name, f"{_times(weights)} → {pooled}\n{_count(gate):,}", x, g))
    return gates


def _describe_heads(
    network: Classifier, steps: Sequence[_Step], seen: Mapping[nn.Module, _Call]
) -> list[Block]:
    """Describe what follows the maps: other weights, features, fc, the sum over slices, the logit."""
    pooled = [seen[gate].leaves.shape[1] for _, gate in _list_gates(network)]
    sizes = [network.fc.in_features - sum(pooled), *pooled]
    heads = [
        Block(FEATURES, " + ".join(map(str, sizes)), (BAR, TALL / 2)),
        Block("fc", f"{network.fc.in_features} → 1\n{_count(network.fc):,}", (BAR, TALL / 4)),
    ]
    scores = getattr(network, "slice_scores", None)
    if scores is not None:  # one weight a slice, for its maps or for its logit
        of_maps = seen[network.fc].enters[0].shape[0] == 1
        words = f"sum the {'maps' if of_maps else 'slices'}\n{scores.numel()}"
        heads.insert(0 if of_maps else 2, Block("slice_scores", words, (BAR, TALL / 2)))
    if others := _count_others(network, steps):
        before = [block.title for block in heads].index(FEATURES)
        heads.insert(before, Block("other weights", f"{others:,}", (BAR, TALL / 2)))
    return [*heads, Block("logit", "1", (BAR, BAR))]


def _list_gates(network: nn.Module) -> Iterator[tuple[str, GridAttention]]:
    for name, module in network.named_modules():
        if isinstance(module, GridAttention):
            yield name, module


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
    modules += [gate for _, gate in _list_gates(network)]
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
