"""The U-Net of Models Genesis, which restores a corrupted hemisphere."""

from collections.abc import Sequence
from pathlib import Path

from strokeclock.models.channels import has_contralateral
from strokeclock.models.unet3d import UNet
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint
from strokeclock.training.phases import GENESIS
from strokeclock.training.record import TrainingRecord


def read_restorer(path: str | Path) -> tuple[UNet, TrainingRecord]:
    """Rebuild the U-Net of a phase 0 checkpoint, in evaluation mode, and return it with its record.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, or of another phase.
    """
    record, weights, _ = read_checkpoint(path)
    if record.phase != GENESIS:
        raise CheckpointError(f"{path} holds {record.phase}: name a checkpoint of {GENESIS}.")
    network = make_restorer(record.channels, **record.architecture)
    network.load_state_dict(weights)
    return network.eval(), record


def make_restorer(channels: Sequence[str], *, width: int, standardise: bool) -> UNet:
    """Return the U-Net with the 3D network's input and one output per channel."""
    return UNet(
        width=width,
        standardised=standardise,
        channels=len(channels),
        outputs=len(channels),
        sides=1 + has_contralateral(channels),
    )
