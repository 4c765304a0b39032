"""Number formats of a training: float32 throughout, or bfloat16 where it is safe and fast.

Predictions, Grad-CAM, occlusion and lesion segmentation use float32, whatever the format of the training.
"""

import logging
import time
from collections.abc import Sequence
from functools import cache

import torch

from strokeclock.errors import ConfigurationError

log = logging.getLogger(__name__)

PRECISIONS = ("fp32", "bf16")
NARROWEST = 24  # voxels across, below which bf16 gives wrong gradients on CPU


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context in which a network runs: ``fp32``, or ``bf16`` for its convolutions and maps.

    Weights, batch norm's statistics, the networks' last step and the loss are float32 in both.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def choose_precision(
    asked: str, device: torch.device, *, grid: Sequence[int], begun: str | None = None
) -> str:
    """Return the number format of a training, ``fp32`` or ``bf16``.

    Parameters
    ----------
    asked : ``fp32``, ``bf16``, or ``auto``: bf16 where the device computes in it and it is safe, else fp32.
        A resumed training keeps its format on every device.
    grid : voxels of the view of a hemisphere, x y z.
    begun : the format of the training that is resumed; None: a new training.

    Raises
    ------
    ConfigurationError
        bf16 is wanted and gives wrong gradients (`check_precision`).
    """
    if asked == "auto":
        if begun is not None:
            return begun
        is_safe = device.type != "cpu" or grid[0] >= NARROWEST
        return "bf16" if is_safe and has_bf16(device) else "fp32"
    check_precision(asked, device, grid=grid)
    if asked == "bf16" and not has_bf16(device):
        _warn_of_slow_bf16(device)
    return asked


def check_precision(precision: str, device: torch.device, *, grid: Sequence[int]) -> None:
    """Refuse bf16 on CPU for views (x, y, z) so narrow that the deepest maps have too few columns.

    oneDNN's bf16 gradient of a 3 x 3 convolution's weights reads uninitialised memory for a map of one column
    with a stride of 2 (2D) and for a map of two voxels along x (3D); two along y or z are safe (torch 2.13).

    Raises
    ------
    ConfigurationError
    """
    if precision == "bf16" and device.type == "cpu" and grid[0] < NARROWEST:
        raise ConfigurationError(
            f"Configuration key training.precision: bf16 gives wrong gradients on CPU for a view of "
            f"{grid[0]} voxels across: use fp32, or a view of {NARROWEST} or more (preprocessing.grid, "
            "models.view, models.average)."
        )


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16; without them torch emulates it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@cache
def _warn_of_slow_bf16(device: torch.device) -> None:
    log.warning(
        "training.precision is bf16, and this %s has no instructions for it, so that a convolution takes "
        "%.0f times as long as in fp32: set the key to auto or fp32",
        "processor" if device.type == "cpu" else "GPU",
        _slowdown(device),
    )


def _slowdown(device: torch.device) -> float:
    """Return the time of a 3 x 3 x 3 convolution of 32 channels (forward) in bf16 over that in fp32."""

    def seconds(dtype: torch.dtype) -> float:
        maps = torch.zeros(1, 32, 24, 24, 8, dtype=dtype, device=device)
        weight = torch.zeros(32, 32, 3, 3, 3, dtype=dtype, device=device)
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            torch.nn.functional.conv3d(maps, weight, padding=1).sum().item()  # waits for the device
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(torch.bfloat16) / seconds(torch.float32)
