"""Phase 0: a 3D U-Net is trained to restore corrupted hemispheres (Models Genesis), for phase 1's encoder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from strokeclock.cohort.tables import read_cohort
from strokeclock.models.registry import network_started_from
from strokeclock.models.standardisation import find_medians
from strokeclock.models.unet3d import UNet
from strokeclock.models.view import View, read_box
from strokeclock.pretraining.genesis import corrupt
from strokeclock.pretraining.internal_validation import hold_out
from strokeclock.pretraining.restorer import make_restorer
from strokeclock.training.device import Stored
from strokeclock.training.loop import batches
from strokeclock.training.material import CohortFiles, CohortMaterial
from strokeclock.training.objective import Lesson, Objective, Step
from strokeclock.training.phases import GENESIS, Run
from strokeclock.training.precision import autocast
from strokeclock.training.settings import RestorationSettings
from strokeclock.training.trainer import train

log = logging.getLogger(__name__)


def train_restoration(
    *,
    seed: int,
    channels: Sequence[str],
    average: Sequence[int],
    width: int,
    standardise: bool,
    training: Mapping,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    box: str | Path | None = None,
    output: str | Path,
    events: Path | None = None,
) -> None:
    """Train the U-Net on the training part only; mean squared error against the original in [0, 1].

    Every fifth person is held out for internal validation, with the same corruptions in each epoch.

    Parameters
    ----------
    seed : of initial weights, order and corruptions.
    channels, average, width, standardise : of the 3D network; all channels are restored.
    training : the fields of `RestorationSettings`.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    box : brain_box.json, the box of a hemisphere that the network sees; None: the whole hemisphere.
    output : folder for the files of `trainer.train`.
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    TooFewPatientsError
        The training part has fewer than five patients.
    TrainingError
        The loss is not finite.
    """
    objective = Restoration(
        run=Run(network_started_from(GENESIS), GENESIS, "random", seed),
        settings=RestorationSettings(**training),
        channels=tuple(channels),
        view=View.of({"box": read_box(box), "average": average}),
        width=width,
        standardise=standardise,
        files=CohortFiles(manifest, cohort, split),
    )
    train(objective, output=output, events=events)


@dataclass(frozen=True, kw_only=True)
class Restoration(Objective[UNet, CohortMaterial]):
    """Mean squared error of a restored hemisphere; see `train_restoration` for the attributes."""

    settings: RestorationSettings
    view: View
    width: int
    standardise: bool
    files: CohortFiles

    def read(self) -> CohortMaterial:
        return self.files.read(("train",), channels=self.channels)

    def describe(self, grid: Sequence[int]) -> dict[str, Any]:
        return {"width": self.width, "standardise": self.standardise}

    def build(self, grid: Sequence[int]) -> UNet:
        return make_restorer(self.channels, **self.describe(grid))

    def prepare(
        self, network: UNet, material: CohortMaterial, *, precision: str, device: torch.device
    ) -> Lesson:
        units = material.parts["train"]
        persons = read_cohort(self.files.cohort).set_index("patient")["person"]
        own = persons.loc[list(units.patients)].to_list()
        learn, held_out = hold_out(own, source=f"{GENESIS}, training part")
        log.info("%d hemispheres to train on, %d held out", len(learn), len(held_out))
        stored = Stored(units.values, device)
        everyone = batches(np.arange(len(units)), self.settings.batch)
        medians = torch.cat([find_medians(self.view.see(stored[batch])) for batch in everyone])

        def loss_of(batch: np.ndarray, *, epoch: int) -> torch.Tensor:
            generators = [np.random.default_rng([*self.stream, epoch, unit]) for unit in batch]
            corrupted, original = corrupt(self.view.see(stored[batch]), generators)
            with autocast(precision, device):
                restored = network(corrupted, medians=medians[batch])
            return functional.mse_loss(restored, original)

        def loss(batch: np.ndarray, step: Step) -> torch.Tensor:
            return loss_of(batch, epoch=step.epoch)

        def validate() -> dict[str, float]:
            network.eval()
            order = batches(held_out, self.settings.batch)
            with torch.inference_mode():
                losses = [loss_of(batch, epoch=0) * len(batch) for batch in order]
            return {"validation_loss": sum(loss.item() for loss in losses) / len(held_out)}

        return Lesson(learn, loss, validate)
