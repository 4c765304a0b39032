"""The Dice coefficient of a map of shares and a mask."""

import torch


def measure_dice(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the soft Dice coefficients (n,) of maps of shares (n, ...); 1 where both are empty."""
    both, either = (maps.flatten(1).sum(1) for maps in (found * truth, found + truth))
    return (2 * both + 1) / (either + 1)
