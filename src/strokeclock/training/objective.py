"""What a network learns: the part of a training that differs from one kind to another."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from strokeclock.models.field import Field
from strokeclock.training.material import Material
from strokeclock.training.phases import Run, Task
from strokeclock.training.settings import TrainingSettings
from strokeclock.training.start import Start

Network = TypeVar("Network", bound=nn.Module)
Learned = TypeVar("Learned", bound=Material)


class Step(NamedTuple):
    """A step of a training: its epoch (from 1), its number in it (from 0).

    ``generator`` is the epoch's, which has drawn the order of its units; steps draw from it in turn.
    """

    epoch: int
    number: int
    generator: np.random.Generator


class Lesson(NamedTuple):
    """An objective at work on a network.

    Attributes
    ----------
    units : numbers of the units to learn from.
    loss : of the units of a batch at a step, with gradients. All its randomness must follow from the step.
    validate : name -> value, for the history.
    """

    units: np.ndarray
    loss: Callable[[np.ndarray, Step], torch.Tensor]
    validate: Callable[[], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Objective(ABC, Generic[Network, Learned]):
    """What a network learns; `trainer.train` does everything else.

    Attributes
    ----------
    run : what is trained.
    settings : how; its ``selection`` names the measure that selects the epoch.
    channels : of what the network sees, in order, as the record names them.
    view : what it sees of a hemisphere; None: it sees none.
    """

    run: Run
    settings: TrainingSettings
    channels: tuple[str, ...]
    view: Field | None = None

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
        """Modules that do not learn."""
        return ()

    @property
    def stream(self) -> tuple[int, ...]:
        """What every draw of this training follows from."""
        return self.run.seed, 0

    @property
    def first_seed(self) -> int:
        """The seed of the network's first weights."""
        return int(np.random.SeedSequence(self.stream).generate_state(1)[0])

    @abstractmethod
    def read(self) -> Learned:
        """Read what is learned from."""

    @abstractmethod
    def describe(self, grid: Sequence[int]) -> Mapping[str, Any]:
        """Say what the network for hemispheres of a grid (x, y, z) is built from, for the record."""

    @abstractmethod
    def build(self, grid: Sequence[int]) -> Network:
        """Build the network, with new random weights (torch's global generator)."""

    @abstractmethod
    def prepare(self, network: Network, material: Learned, *, precision: str, device: torch.device) -> Lesson:
        """Bring the material of `read` to the network, which is on the device and frozen as it shall be."""
