"""Phase 0: a 3D U-Net learns to restore corrupted hemispheres (Models Genesis); phase 1 takes its encoder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from strokeclock import __version__
from strokeclock.cohort.split import check_leakage, read_split
from strokeclock.models.channels import has_other_hemisphere
from strokeclock.models.field import Field, read_box
from strokeclock.models.unet3d import UNet
from strokeclock.pretraining.genesis import corrupt
from strokeclock.pretraining.watching import part_patients
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint
from strokeclock.training.device import Stored, choose_device, on_device
from strokeclock.training.loop import batches, fit, teach
from strokeclock.training.phases import GENESIS
from strokeclock.training.precision import autocast, choose_precision
from strokeclock.training.store import check_channels, read_hemispheres

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RestorationSettings:
    """The configuration's ``training``, as phase 0 sees it.

    Attributes
    ----------
    epochs, patience : the most epochs, and how many without a lower loss end it earlier.
    batch : hemispheres a step.
    optimizer, lr : ``adam``, or ``sgd`` with momentum 0.9, its rate halved after each 0.8 x patience epochs.
    precision : ``fp32`` or ``bf16``; of the configuration also ``auto`` (`precision.choose_precision`).
    threads, device : of torch.
    """

    epochs: int
    patience: int
    batch: int
    optimizer: str
    lr: float
    precision: str
    threads: int
    device: str


def train_restoration(
    *,
    seed: int,
    channels: Sequence[str],
    average: Sequence[int],
    width: int,
    standardise: bool,
    training: Mapping,
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    box: str | Path | None = None,
    output: str | Path,
    events: Path | None = None,
) -> None:
    """Train the U-Net on the training patients alone; mean squared error against the original in [0, 1].

    Every fifth of them is kept aside to stop by; what is corrupted there is the same in each epoch.

    Parameters
    ----------
    seed : of first weights, order and corruptions.
    channels, average, width, standardise : of the 3D network; it restores all channels that it sees.
    training : the fields of `RestorationSettings`.
    hemispheres : folder of <patient>.npy.
    box : brain_box.json, the box of a hemisphere that is seen; None: the whole of it.
    output : folder for model.pt (weights and record), history.tsv (one row an epoch), run.json (the record).
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    TooFewPatientsError
        The training part has fewer than five patients.
    TrainingError
        The loss is no number any more.
    """
    settings = RestorationSettings(**training)
    device = choose_device(settings.device, threads=settings.threads)
    units = read_hemispheres(
        hemispheres,
        cohort=cohort,
        split=split,
        task=None,
        part="train",
        other_hemisphere=has_other_hemisphere(channels),
    )
    check_channels(units, channels=channels)
    seen = Field(read_box(box), tuple(average))
    precision = choose_precision(
        settings.precision, device, grid=seen.size(units.values.shape[2:]), output=output
    )
    settings = replace(settings, precision=precision)
    participants = read_split(split)
    check_leakage({"train": units.participants}, participants)
    learn, watch = part_patients(units.patients, source=f"{GENESIS}, training part")
    log.info("%d hemispheres to learn from, %d to watch", len(learn), len(watch))

    torch.manual_seed(int(np.random.SeedSequence([seed, 0]).generate_state(1)[0]))
    network = _restorer(channels, width=width, standardise=standardise)
    network = on_device(network, device)
    if settings.optimizer == "adam":
        optimiser = torch.optim.Adam(network.parameters(), lr=settings.lr)
    else:
        optimiser = torch.optim.SGD(network.parameters(), lr=settings.lr, momentum=0.9)

    stored = Stored(units.values, device)

    def loss_of(batch: np.ndarray, *, epoch: int) -> torch.Tensor:
        pairs = [
            corrupt(hemisphere, np.random.default_rng([seed, 0, epoch, unit]))
            for unit, hemisphere in zip(batch, seen.see(stored[batch]), strict=True)
        ]
        corrupted, original = map(torch.stack, zip(*pairs, strict=True))
        with autocast(settings.precision, device):
            restored = network(corrupted, original=original)
        return functional.mse_loss(restored, original)

    def train_epoch(epoch: int) -> float:
        if settings.optimizer == "sgd":
            optimiser.param_groups[0]["lr"] = settings.lr * 0.5 ** (
                (epoch - 1) // max(1, int(0.8 * settings.patience))
            )
        network.train()
        order = batches(np.random.default_rng([seed, 0, epoch]).permutation(learn), settings.batch)
        return teach(optimiser, order, lambda _, batch: loss_of(batch, epoch=epoch))

    def validate() -> dict[str, float]:
        network.eval()
        with torch.inference_mode():
            losses = [loss_of(batch, epoch=0) * len(batch) for batch in batches(watch, settings.batch)]
        return {"validation_loss": sum(loss.item() for loss in losses) / len(watch)}

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
            "net": "3d",
            "phase": GENESIS,
            "weights": "random",
            "seed": seed,
            "parent": None,
            "width": width,
            "standardise": standardise,
            "channels": list(channels),
            "field": asdict(seen),
            "settings": asdict(settings),
            "participants": participants,
            "data": {"train": units.digest()},
        },
        output=Path(output),
        events=events,
    )


def read_restorer(path: str | Path) -> tuple[UNet, dict]:
    """Rebuild the U-Net of a phase 0 checkpoint, in evaluation mode, and return it with its record.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, or of another phase.
    """
    record, weights, _ = read_checkpoint(path)
    if record.get("phase") != GENESIS:
        raise CheckpointError(f"{path} holds {record.get('phase')}: name a checkpoint of {GENESIS}.")
    network = _restorer(record["channels"], width=record["width"], standardise=record["standardise"])
    network.load_state_dict(weights)
    return network.eval(), record


def _restorer(channels: Sequence[str], *, width: int, standardise: bool) -> UNet:
    """The U-Net that takes a hemisphere as the 3D network does, and gives back the channels themselves."""
    return UNet(
        width=width,
        standardised=standardise,
        channels=len(channels),
        outputs=len(channels),
        sides=1 + has_other_hemisphere(channels),
    )
