"""Weights from other images: a first convolution made to fit the hemisphere's channels."""

import torch

from strokeclock.models.registry import find_network


def spread_channels(weights: dict[str, torch.Tensor], *, net: str, channels: int) -> dict[str, torch.Tensor]:
    """Return the weights of a network with so many input channels.

    As many as it has: the filters stay as they are. Otherwise each channel gets the filters' mean over the m
    channels there were, times m / channels, so that a grey image gives what it gave before.
    """
    name = find_network(net).first_convolution
    filters = weights[name]
    learned = filters.shape[1]
    if learned == channels:
        return weights
    mean = filters.mean(dim=1, keepdim=True) * (learned / channels)
    return weights | {name: mean.repeat_interleave(channels, dim=1)}
