"""Phase 0: a 3D U-Net learns to restore corrupted hemispheres (Models Genesis); phase 1 takes its encoder."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from strokeclock import __version__
from strokeclock.models.channels import has_other_hemisphere
from strokeclock.models.field import Field, read_box
from strokeclock.models.unet3d import UNet
from strokeclock.pretraining.genesis import corrupt
from strokeclock.pretraining.watching import part_patients
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint
from strokeclock.training.loop import batches, choose_device, fit, on_device, teach
from strokeclock.training.phases import GENESIS
from strokeclock.training.precision import autocast, check_precision
from strokeclock.training.store import Stack, check_channels, check_leakage, read_hemispheres, read_split

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RestorationSettings:
    """The configuration's ``training``, as phase 0 sees it.

    Attributes
    ----------
    epochs, patience : the most epochs, and how many without a lower loss end it earlier.
    batch : hemispheres a step.
    optimizer, lr : ``adam``, or ``sgd`` with momentum 0.9, its rate halved after each 0.8 x patience epochs.
    precision : ``fp32`` or ``bf16`` (`precision.autocast`).
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


@dataclass(frozen=True)
class CorruptedPairs(Dataset):
    """Batches of corrupted hemispheres and the originals to restore, float32 (n, channels, x, y, z) each.

    Attributes
    ----------
    values : hemispheres; ``field`` : what is corrupted of them.
    order : the numbers of each batch's hemispheres.
    stream : with a hemisphere's number, the seed of its corruption.
    """

    values: Stack
    field: Field
    order: tuple[np.ndarray, ...]
    stream: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, ...]:
        units = self.order[number]
        seen = self.field.see(torch.from_numpy(self.values[units]).float()).numpy()
        pairs = [
            corrupt(hemisphere, np.random.default_rng([*self.stream, unit]))
            for unit, hemisphere in zip(units, seen, strict=True)
        ]
        return tuple(torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))


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
    workers: int = 0,
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
    workers : processes that corrupt hemispheres ahead, .1 s of CPU each; 0: the training does it itself.
        They change no result.
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
    check_precision(settings.precision, device, grid=seen.size(units.values.shape[2:]))
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

    def corrupted_pairs(order: Sequence[np.ndarray], epoch: int) -> Iterator[list[torch.Tensor]]:
        pairs = CorruptedPairs(units.values, seen, tuple(order), stream=(seed, 0, epoch))
        return iter(DataLoader(pairs, batch_size=None, num_workers=workers))

    def loss_of(pair: Sequence[torch.Tensor]) -> torch.Tensor:
        corrupted, original = (side.to(device) for side in pair)
        with autocast(settings.precision, device):
            restored = network(corrupted, original=original)
        return functional.mse_loss(restored, original)

    def train_epoch(epoch: int) -> float:
        if settings.optimizer == "sgd":
            optimiser.param_groups[0]["lr"] = settings.lr * 0.5 ** (
                (epoch - 1) // max(1, int(0.8 * settings.patience))
            )
        network.train()
        order = [*batches(np.random.default_rng([seed, 0, epoch]).permutation(learn), settings.batch)]
        pairs = corrupted_pairs(order, epoch)
        return teach(optimiser, order, lambda _step, _batch: loss_of(next(pairs)))

    def validate() -> dict[str, float]:
        network.eval()
        with torch.inference_mode():
            pairs = corrupted_pairs([*batches(watch, settings.batch)], 0)
            losses = [loss_of(pair).item() * len(pair[0]) for pair in pairs]
        return {"validation_loss": sum(losses) / len(watch)}

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
