"""What a network says of itself: all that the rest of the software has to know of it.

Imports nothing heavy: the workflow, tables and pages read it too. `NetworkSpec.build` alone needs torch.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from strokeclock.errors import StrokeclockError

if TYPE_CHECKING:
    from strokeclock.models.architecture import Architecture
    from strokeclock.models.classifier import Classifier

CAM_LAYERS = ("penultimate", "last")  # the choices of evaluation.gradcam_layer
STARTS = ("genesis", "imagenet", "medical")  # what a network may begin with beside random weights
TAKEN = ("clinical", "ml", "outline", "ratio", "ratios", "readers")  # names of Table 2's other rows


class NetworkError(StrokeclockError):
    """A network is unknown, or what it says of itself cannot be."""


@dataclass(frozen=True)
class Setting:
    """One key of a network's own settings, models.<network>.<name> in the configuration.

    Attributes
    ----------
    default : its value unless the configuration gives one; a whole number, a number, a switch or a word.
    description : what it is.
    unit : of a number.
    source : begins with ``P`` where the paper states the default, with ``D`` where it is ours.
    choices : all words that it may be; empty: it is no word.
    meanings : choice -> what it does, where the word does not say it.
    minimum : the least number that it may be.
    """

    name: str
    default: bool | int | float | str
    description: str = ""
    unit: str = ""
    source: str = ""
    choices: tuple[str, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None


@dataclass(frozen=True)
class NetworkSpec:
    """A network, from its key in the configuration to the layer that Grad-CAM shows.

    Modules and tensors are called as in the built network's ``named_modules`` and ``state_dict``.

    Attributes
    ----------
    name : in the configuration, in paths and as ``model`` in tables; lower-case letters and digits.
    title : in tables, figures and pages, before the word "network".
    summary : what it is, behind its key in config/config.yaml.
    build : makes the network with new random weights (torch's global generator); imports torch inside.
    describe : the network in one clause for the methods, of its own settings.
    settings : its own, beside those that all networks share.
    trunk : the module before gates and classifier; its ``stages`` run one after the other.
    early : modules of the trunk that are frozen where a phase freezes what it was given.
    early_by_choice : choice of training.freeze_2d -> modules that are frozen in their place.
    head : how the names of the tensors begin that training.<phase>.head: fresh draws anew.
    first_convolution : the tensor whose input channels other images' weights are spread over.
    cam_layers : choice of evaluation.gradcam_layer -> the module whose maps Grad-CAM shows.
    starts : what it may begin with beside random weights (`STARTS`) -> what teaches these: a key of the
        configuration's starting_weights, or ``phase0_genesis``, from which the chain's first phase begins.
    segments : its trunk, as the encoder of a U-Net, learns to find the lesion (phase0_outline).
    of_the_paper : Table 2 has its rows whether it is trained or not.
    line : its line style in figures, beside the outliner.
    memory_mb, runtime_min : of a training, phase 1 and higher.
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
    memory_mb: int = 16000
    runtime_min: int = 1440

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
                f"The network {self.name} has starts[{unknown[0]!r}]: use {', '.join(STARTS)} alone."
            )

    @property
    def long_title(self) -> str:
        return f"{self.title} network"

    @property
    def defaults(self) -> dict[str, Any]:
        """Its own settings where the configuration is silent."""
        return {setting.name: setting.default for setting in self.settings}

    def frozen(self, choice: str) -> tuple[str, ...]:
        """Name the early modules that are frozen, for a choice of training.freeze_2d."""
        return tuple(f"{self.trunk}.{module}" for module in self.early_by_choice.get(choice, self.early))
