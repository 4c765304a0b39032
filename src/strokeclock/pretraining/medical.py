"""What the two pretrainings on brain tumours share: the split by patients, and the training."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import nn

from strokeclock import __version__
from strokeclock.pretraining.watching import part_patients
from strokeclock.training.loop import batches, fit, teach
from strokeclock.training.phases import ORIGINS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MedicalSettings:
    """The configuration's ``training``, as phase0_medical sees it.

    Attributes
    ----------
    epochs, patience : the most epochs, and how many without a lower loss end it earlier.
    batch : slices (2D) or half heads (3D) a step.
    lr : Adam's.
    precision : ``fp32`` or ``bf16``; of the configuration also ``auto`` (`precision.choose_precision`).
    threads, device : of torch.
    """

    epochs: int
    patience: int
    batch: int
    lr: float
    precision: str
    threads: int
    device: str


def train_medical(
    network: nn.Module,
    *,
    measure: Callable[[np.ndarray], tuple[torch.Tensor, float]],
    measured: str,
    patients: Sequence[str],
    settings: MedicalSettings,
    record: Mapping,
    source: str | Path,
    output: Path,
) -> None:
    """Train with Adam; every fifth patient watches the loss, which ends the training and selects its epoch.

    Parameters
    ----------
    measure : the loss of a batch of units, and a value that tells more, whose name is ``measured``.
    patients : of each unit.
    record : net, seed, and what else makes this training what it is.
    source : where the data lie, for errors.
    output : folder for model.pt (weights and record), history.tsv (one row an epoch), run.json (the record).

    Raises
    ------
    TooFewPatientsError
        None would be left to watch.
    """
    learn, watch = part_patients(patients, source=source)
    log.info("%d units of %d patients: %d watch", len(patients), len(set(patients)), len(watch))
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.lr)

    def train_epoch(epoch: int) -> float:
        network.train()
        order = np.random.default_rng([record["seed"], epoch]).permutation(learn)
        return teach(optimiser, batches(order, settings.batch), lambda _, batch: measure(batch)[0])

    def validate() -> dict[str, float]:
        network.eval()
        with torch.inference_mode():
            found = [(len(batch), *measure(batch)) for batch in batches(watch, settings.batch)]
        return {
            "validation_loss": sum(count * loss.item() for count, loss, _ in found) / len(watch),
            f"validation_{measured}": sum(count * value for count, _, value in found) / len(watch),
        }

    phase, weights = ORIGINS["medical"]
    fit(
        network,
        optimiser,
        train_epoch=train_epoch,
        validate=validate,
        measure=lambda row: -row["validation_loss"],
        epochs=settings.epochs,
        patience=settings.patience,
        record={
            "strokeclock": __version__,
            "versions": {name: version(name) for name in ("numpy", "torch")},
            "phase": phase,
            "weights": weights,
            "parent": None,
            "settings": asdict(settings),
            "participants": {},  # none of the cohort's
            **record,
        },
        output=output,
    )
