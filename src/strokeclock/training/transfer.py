"""Initial weights from other images: the first convolution is adapted to the hemisphere's channels."""

import torch

from strokeclock.models.registry import find_network


def spread_channels(weights: dict[str, torch.Tensor], *, net: str, channels: int) -> dict[str, torch.Tensor]:
    """Return the weights for a network with so many input channels.

    Where the number is the same, the filters stay. Otherwise each channel gets the filters' mean over the m
    old channels, times m / channels, so that the output for a grey image is the same.
    """
    name = find_network(net).first_convolution
    filters = weights[name]
    learned = filters.shape[1]
    if learned == channels:
        return weights
    mean = filters.mean(dim=1, keepdim=True) * (learned / channels)
    return weights | {name: mean.repeat_interleave(channels, dim=1)}
