"""What the two pretrainings on brain tumours share: internal validation and its measures."""

import logging
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from strokeclock.pretraining.internal_validation import hold_out
from strokeclock.training.loop import batches
from strokeclock.training.material import Material
from strokeclock.training.objective import Lesson, Network, Objective, Step
from strokeclock.training.phases import ORIGINS, Run
from strokeclock.training.settings import MedicalSettings

log = logging.getLogger(__name__)


def name_run(net: str, seed: int) -> Run:
    """Return the training of a network on tumours."""
    return Run(net, *ORIGINS["medical"], seed)


@dataclass(frozen=True)
class TumourMaterial(Material):
    """Pictures of tumours, and the patient of each."""

    pictures: Any
    patients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TumourObjective(Objective[Network, TumourMaterial]):
    """Training on a data set of tumours; every fifth patient is held out for internal validation.

    Attributes
    ----------
    measured : the name of what ``measure`` returns besides the loss.
    width, standardise : of the network.
    grid : voxels of a hemisphere, x y z, to which pictures are interpolated.
    folder : of the data set.
    """

    measured: ClassVar[str]
    settings: MedicalSettings
    width: int
    standardise: bool
    grid: tuple[int, ...]
    folder: str | Path

    @property
    def stream(self) -> tuple[int, ...]:
        return (self.run.seed,)

    @property
    def first_seed(self) -> int:
        return self.run.seed

    @abstractmethod
    def measure(
        self,
        network: Network,
        batch: np.ndarray,
        material: TumourMaterial,
        *,
        precision: str,
        device: torch.device,
    ) -> tuple[torch.Tensor, float]:
        """Return the loss of a batch of pictures, and a value that is easier to interpret."""

    def prepare(
        self, network: Network, material: TumourMaterial, *, precision: str, device: torch.device
    ) -> Lesson:
        patients = material.patients
        learn, held_out = hold_out(patients, source=self.folder)
        log.info("%d units of %d patients: %d held out", len(patients), len(set(patients)), len(held_out))

        def measure(batch: np.ndarray) -> tuple[torch.Tensor, float]:
            return self.measure(network, batch, material, precision=precision, device=device)

        def loss(batch: np.ndarray, step: Step) -> torch.Tensor:
            return measure(batch)[0]

        def validate() -> dict[str, float]:
            network.eval()
            with torch.inference_mode():
                found = [(len(batch), *measure(batch)) for batch in batches(held_out, self.settings.batch)]
            return {
                "validation_loss": sum(count * loss.item() for count, loss, _ in found) / len(held_out),
                f"validation_{self.measured}": sum(count * value for count, _, value in found)
                / len(held_out),
            }

        return Lesson(learn, loss, validate)
