"""Number formats of a training: float32 throughout, or bfloat16 where it is safe and fast."""

from collections.abc import Sequence

import torch

from strokeclock.errors import ConfigurationError

NARROWEST = 24  # voxels


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context in which a network runs: ``fp32``, or ``bf16`` for its convolutions and maps.

    Weights, batch norm's statistics, the networks' last step and the loss are float32 in both.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def check_precision(precision: str, device: torch.device, *, grid: Sequence[int]) -> None:
    """Refuse bf16 on CPU for hemispheres (x, y, z) so narrow that their deepest maps are too.

    oneDNN's bf16 gradient of a 3 x 3 convolution's weights reads memory that was never written where, in 2D,
    a stride of 2 meets a map of one column, and, in 3D, a map has two voxels along x (torch
    2.13; two along y or z do no harm).

    Raises
    ------
    ConfigurationError
    """
    if precision == "bf16" and device.type == "cpu" and grid[0] < NARROWEST:
        raise ConfigurationError(
            f"Configuration key training.precision: bf16 gives wrong gradients on CPU for hemispheres of "
            f"which networks see {grid[0]} voxels across: use fp32, or let them see {NARROWEST} or more "
            "(preprocessing.grid, models.field, models.average)."
        )
