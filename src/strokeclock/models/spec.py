"""The specification of a network: everything that the rest of the software uses of it.

Imports no torch, for the workflow, tables and pages import this module, too. Only `NetworkSpec.build` does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, NamedTuple

from strokeclock.errors import StrokeclockError

if TYPE_CHECKING:
    from strokeclock.models.architecture import Architecture
    from strokeclock.models.classifier import Classifier

CAM_LAYERS = ("penultimate", "last")  # the choices of evaluation.gradcam_layer
STARTS = ("genesis", "imagenet", "medical")  # initial weights that a network may have besides random ones
# Names of Table 2's other rows; outline is segmentation's former one, in older ledgers.
TAKEN = ("clinical", "ml", "outline", "segmentation", "ratio", "ratios", "readers")
# What every network is given (`Architecture`): no setting of its own may have these names.
SHARED = (
    *("net", "grid", "attention", "attention_norm", "standardise", "standardised"),
    *("own", "channels", "sides", "view", "average", "box"),
)


class StepCost(NamedTuple):
    """A training step of one hemisphere, at the paper's grid and the default width.

    Attributes
    ----------
    cpu_s
        Of one core.
    gpu_ms
        Of an H200 in bf16.
    """

    cpu_s: float
    gpu_ms: float


_STEP, _FROZEN_STEP = StepCost(1.5, 4.5), StepCost(0.33, 0.6)  # of the 3D network


class NetworkError(StrokeclockError):
    """A network is unknown, or its specification is invalid."""


@dataclass(frozen=True)
class Setting:
    """One key of a network's own settings, `models.<network>.<name>` in the configuration.

    Attributes
    ----------
    default
        Its value unless the configuration gives one; a whole number, a number, a boolean or a word.
    description
        What it is.
    unit
        Of a number.
    source
        Begins with ``P`` where the paper states the default, with ``D`` where it is ours.
    choices
        The words that are allowed; empty: the value is not a word.
    meanings
        Choice -> what it does, where the word alone is not clear.
    minimum, maximum
        The least and the greatest number that are allowed.

    Raises
    ------
    NetworkError
        The name is taken, or the default is not allowed.
    """

    name: str
    default: bool | int | float | str
    description: str = ""
    unit: str = ""
    source: str = ""
    choices: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name) or iskeyword(self.name) or self.name in SHARED:
            raise NetworkError(
                f"A network's setting cannot be called {self.name!r}: use lower-case letters, digits and _, "
                f"no word of Python, and none of {', '.join(SHARED)}."
            )
        if fault := self._fault_of_default():
            raise NetworkError(f"The network's setting {self.name} has the default {self.default!r}{fault}.")

    def _fault_of_default(self) -> str:
        """Say why the default is not allowed, with the remedy; nothing where it is."""
        if not isinstance(self.default, bool | int | float | str):
            return ": use a number, a boolean or a word"
        if self.choices or isinstance(self.default, str):
            allowed = f"use one of {', '.join(map(str, self.choices))}" if self.choices else "add choices"
            return "" if self.default in self.choices else f", which is not among its choices: {allowed}"
        if isinstance(self.default, bool):
            return ""
        if self.minimum is not None and self.default < self.minimum:
            return f", below its minimum {self.minimum:g}: raise it"
        if self.maximum is not None and self.default > self.maximum:
            return f", above its maximum {self.maximum:g}: lower it"
        return ""


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network, from its key in the configuration to the layer that Grad-CAM shows.

    Modules and tensors are named as in the built network's ``named_modules`` and ``state_dict``.

    Attributes
    ----------
    name
        In the configuration, in paths and as ``model`` in tables; lower-case letters and digits.
    title
        In tables, figures and pages, before the word "network".
    summary
        What it is, behind its key in config/config.yaml.
    build
        Makes the network with new random weights (torch's global generator); imports torch inside.
    describe
        Makes one clause on the network for the methods, from its own settings.
    settings
        Its own, besides those that all networks share.
    trunk
        The module before gates and classifier; its ``stages`` run one after the other.
    early
        Modules of the trunk that a phase with ``freeze`` freezes.
    early_by_choice
        Choice of training.freeze_2d -> modules that are frozen instead.
    head
        Prefixes of the tensors that `training.<phase>.head: fresh` draws anew.
    first_convolution
        The tensor whose input channels `transfer.spread_channels` changes in number.
    cam_layers
        Choice of evaluation.gradcam_layer -> the module whose maps Grad-CAM shows.
    starts
        Initial weights besides random ones (`STARTS`) -> their source: a key of the configuration's
        initial_weights, or ``phase0_genesis``, from which the chain's first phase starts.
    segments
        Its trunk is the encoder of the segmentation network (phase0_segmentation).
    of_the_paper
        Table 2 has its rows, trained or not.
    line
        Its line style in figures where the segmented ratios are joined with it.
    paper_gb
        Hemispheres of a step -> GB of GPU memory that the paper's training took.
    memory_mb, runtime_min
        Of a training, phase 1 and higher.
    step, frozen_step
        What a training step costs, also with `early` frozen, for `strokeclock estimate`.
    """

    name: str
    title: str
    summary: str
    build: Callable[["Architecture"], "Classifier"]
    describe: Callable[[Mapping[str, Any]], str]
    settings: tuple[Setting, ...]
    trunk: str
    early: tuple[str, ...]
    first_convolution: str
    cam_layers: Mapping[str, str]
    early_by_choice: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    head: tuple[str, ...] = ("fc.",)
    starts: Mapping[str, str] = field(default_factory=dict)
    segments: bool = False
    of_the_paper: bool = False
    line: str | tuple = (0, (1, 1))
    paper_gb: Mapping[int, float] = field(default_factory=dict)
    memory_mb: int = 16000
    runtime_min: int = 1440
    step: StepCost = _STEP
    frozen_step: StepCost = _FROZEN_STEP

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+", self.name) or self.name in TAKEN:
            raise NetworkError(
                f"A network cannot be called {self.name!r}: use lower-case letters and digits, and none of "
                f"{', '.join(TAKEN)}."
            )
        if missing := [layer for layer in CAM_LAYERS if layer not in self.cam_layers]:
            raise NetworkError(
                f"The network {self.name} names no module as cam_layers[{missing[0]!r}]: add it."
            )
        if unknown := [start for start in self.starts if start not in STARTS]:
            raise NetworkError(
                f"The network {self.name} has the unknown starts[{unknown[0]!r}]: use {', '.join(STARTS)}."
            )
        for name in ("settings", "early", "head"):
            if not isinstance(getattr(self, name), tuple):
                raise NetworkError(
                    f"The network {self.name} has {name} that are no tuple: write them in brackets, "
                    "each with a comma behind it."
                )
        names = [own.name for own in self.settings]
        if twice := [name for name in names if names.count(name) > 1]:
            raise NetworkError(f"The network {self.name} has two settings {twice[0]}: rename one.")
        for name in ("memory_mb", "runtime_min"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise NetworkError(
                    f"The network {self.name} has {name} {value!r}: give a whole number above 0, "
                    "without a unit."
                )

    @property
    def long_title(self) -> str:
        return f"{self.title} network"

    @property
    def defaults(self) -> dict[str, Any]:
        """Its own settings with their default values."""
        return {setting.name: setting.default for setting in self.settings}

    def frozen(self, choice: str) -> tuple[str, ...]:
        """Name the early modules that are frozen, for a choice of training.freeze_2d."""
        return tuple(f"{self.trunk}.{module}" for module in self.early_by_choice.get(choice, self.early))
