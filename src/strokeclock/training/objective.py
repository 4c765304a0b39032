"""What a network is trained for: the part of a training that differs from objective to objective."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from strokeclock.models.view import View
from strokeclock.training.material import Material
from strokeclock.training.phases import Run, Task
from strokeclock.training.settings import TrainingSettings
from strokeclock.training.start import Start

Network = TypeVar("Network", bound=nn.Module)
Learned = TypeVar("Learned", bound=Material)


class Step(NamedTuple):
    """A step of a training: its epoch (from 1) and its number in the epoch (from 0).

    ``generator`` is the epoch's: the order of units is drawn from it first, then the draws of each step.
    """

    epoch: int
    number: int
    generator: np.random.Generator


class Lesson(NamedTuple):
    """What `trainer.train` needs of an objective for one network.

    Attributes
    ----------
    units : numbers of the units to train on.
    loss : of a batch of units at a step, with gradients. All its randomness must follow from the step.
    validate : name -> value, for the history.
    """

    units: np.ndarray
    loss: Callable[[np.ndarray, Step], torch.Tensor]
    validate: Callable[[], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Objective(ABC, Generic[Network, Learned]):
    """What a network is trained for; `trainer.train` does everything else.

    Attributes
    ----------
    run : what is trained.
    settings : of the training; ``selection`` names the measure that selects the epoch.
    channels : of the network's input, in order, as the record names them.
    view : of a hemisphere; None: the network is not trained on hemispheres.
    """

    run: Run
    settings: TrainingSettings
    channels: tuple[str, ...]
    view: View | None = None

    @property
    def task(self) -> Task | None:
        """The task of a classifier."""
        return None

    @property
    def start(self) -> Start | None:
        """The checkpoint to start from; None: random weights."""
        return None

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the frozen modules."""
        return ()

    @property
    def stream(self) -> tuple[int, ...]:
        """The seed of every draw of this training."""
        return self.run.seed, 0

    @property
    def first_seed(self) -> int:
        """The seed of the network's random initial weights."""
        return int(np.random.SeedSequence(self.stream).generate_state(1)[0])

    @abstractmethod
    def read(self) -> Learned:
        """Read the data."""

    @abstractmethod
    def describe(self, grid: Sequence[int]) -> Mapping[str, Any]:
        """Return the settings of the network for hemispheres of a grid (x, y, z), for the record."""

    @abstractmethod
    def build(self, grid: Sequence[int]) -> Network:
        """Build the network, with new random weights (torch's global generator)."""

    @abstractmethod
    def prepare(self, network: Network, material: Learned, *, precision: str, device: torch.device) -> Lesson:
        """Combine the material of `read` with the network, which is on the device, its modules frozen."""
