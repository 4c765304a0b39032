"""What the two pretrainings on brain tumours share: who learns and who watches, and what is measured."""

import logging
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from strokeclock.pretraining.watching import part_patients
from strokeclock.training.loop import batches
from strokeclock.training.material import Material
from strokeclock.training.objective import Lesson, Network, Objective, Step
from strokeclock.training.phases import ORIGINS, Run
from strokeclock.training.settings import MedicalSettings

log = logging.getLogger(__name__)


def name_run(net: str, seed: int) -> Run:
    """The training on tumours of a network."""
    return Run(net, *ORIGINS["medical"], seed)


@dataclass(frozen=True)
class TumourMaterial(Material):
    """Pictures of tumours, and the patient of each."""

    pictures: Any
    patients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TumourObjective(Objective[Network, TumourMaterial]):
    """What is learned from a data set of tumours; every fifth patient watches the loss.

    Attributes
    ----------
    measured : what ``measure`` returns beside the loss.
    width, standardise : of the network.
    grid : voxels of a hemisphere, x y z, that pictures are brought to.
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
        """Return the loss of a batch of pictures, and a value that tells more."""

    def prepare(
        self, network: Network, material: TumourMaterial, *, precision: str, device: torch.device
    ) -> Lesson:
        patients = material.patients
        learn, watch = part_patients(patients, source=self.folder)
        log.info("%d units of %d patients: %d watch", len(patients), len(set(patients)), len(watch))

        def measure(batch: np.ndarray) -> tuple[torch.Tensor, float]:
            return self.measure(network, batch, material, precision=precision, device=device)

        def loss(batch: np.ndarray, step: Step) -> torch.Tensor:
            return measure(batch)[0]

        def validate() -> dict[str, float]:
            network.eval()
            with torch.inference_mode():
                found = [(len(batch), *measure(batch)) for batch in batches(watch, self.settings.batch)]
            return {
                "validation_loss": sum(count * loss.item() for count, loss, _ in found) / len(watch),
                f"validation_{self.measured}": sum(count * value for count, _, value in found) / len(watch),
            }

        return Lesson(learn, loss, validate)
