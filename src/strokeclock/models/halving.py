"""Max pooling of 2 x 2 x 2 voxels, in a way whose gradient torch repeats to the bit on every device."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional


def halve(volume: torch.Tensor) -> torch.Tensor:
    """Return max_pool3d of 2 for volumes (n, channels, x, y, z); an odd last voxel is left out."""
    # a maximum is exact in every precision, but autocast on CPU would carry the maps to float32 and back
    with torch.autocast(volume.device.type, enabled=False):
        # max_pool3d is faster on CPU, and its gradient is deterministic there only
        return functional.max_pool3d(volume, 2) if volume.is_cpu else halve_by_corners(volume)


def halve_by_corners(volume: torch.Tensor) -> torch.Tensor:
    """Return max_pool3d of 2, from blocks' eight corners; the gradient reaches the first of equal maxima."""
    halved: torch.Tensor = _Halve.apply(volume)
    return halved


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, volume: torch.Tensor) -> torch.Tensor:
        first, *others = _corners(volume)
        most = first
        winner = torch.zeros_like(first, dtype=torch.uint8)
        for number, corner in enumerate(others, start=1):
            winner.masked_fill_(corner > most, number)
            most = torch.maximum(most, corner)
        ctx.save_for_backward(winner)
        ctx.shape = volume.shape
        return most

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (winner,) = ctx.saved_tensors
        n, channels, x, y, z = ctx.shape
        passed = gradient.new_zeros(n, x, y, z, channels).movedim(-1, 1)  # channels last, as the maps
        for number, corner in enumerate(_corners(passed)):
            torch.mul(gradient, winner == number, out=corner)
        return passed


def _corners(volume: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield the corners (n, channels, x / 2, y / 2, z / 2) of all blocks of 2 x 2 x 2, without copying."""
    even = [side - side % 2 for side in volume.shape[2:]]
    for corner in itertools.product(range(2), repeat=3):
        x, y, z = (slice(first, stop, 2) for first, stop in zip(corner, even, strict=True))
        yield volume[..., x, y, z]
