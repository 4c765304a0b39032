"""Standardising a hemisphere: the networks' first step."""

import numpy as np
import torch

SPREAD = 0.32  # usual SD inside the brain, as a fraction of its median


def standardise(volume: torch.Tensor, *, reference: torch.Tensor | None = None) -> torch.Tensor:
    """Scale each hemisphere and channel to (v / brain median - 1) / 0.32, with the background at the mean.

    Parameters
    ----------
    volume : (hemispheres, channels, x, y, z), values 0 to 1, background exactly 0.
    reference : where the medians are taken, shaped like ``volume``; ``volume`` itself unless given.

    Returns
    -------
    Same shape; background 0. A channel without brain is 0 everywhere.
    """
    channels = (volume if reference is None else reference).flatten(0, 1)
    medians = torch.stack([_median(channel.masked_select(channel != 0)) for channel in channels])
    medians = medians.view(*volume.shape[:2], 1, 1, 1)
    return torch.where(volume != 0, (volume / medians - 1) / SPREAD, 0)


def _median(values: torch.Tensor) -> torch.Tensor:
    """The lower median; NaN of nothing."""
    if values.device.type != "cpu" or len(values) == 0:
        return values.median()
    middle = (len(values) - 1) // 2  # numpy selects it twenty times faster than torch
    return torch.from_numpy(np.partition(values.numpy(), middle))[middle]
