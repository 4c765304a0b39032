"""The networks' first step: standardise a hemisphere and subtract the contralateral one."""

import numpy as np
import torch

SPREAD = 0.32  # usual SD inside the brain, as a fraction of its median


def prepare(
    volume: torch.Tensor, *, standardised: bool, sides: int = 1, medians: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the input of a network's first convolution for ``volume`` (hemispheres, channels, x, y, z).

    Parameters
    ----------
    standardised : `standardise` it, with ``medians`` where they are given.
    sides : 2 where the second half of the channels is the contralateral hemisphere's. It is replaced by own
        minus contralateral, 0 where either has no brain: the difference makes a small lesion prominent.
    """
    ready = standardise(volume, medians=medians) if standardised else volume
    if sides == 1:
        return ready
    own, contralateral = ready.chunk(2, dim=1)
    both = (volume != 0).unflatten(1, (2, -1)).all(1)
    return torch.cat([own, (own - contralateral).mul_(both)], dim=1)


def standardise(volume: torch.Tensor, *, medians: torch.Tensor | None = None) -> torch.Tensor:
    """Scale each hemisphere and channel to (v / brain median - 1) / 0.32, with the background at the mean.

    Parameters
    ----------
    volume : (hemispheres, channels, x, y, z), values 0 to 1, background exactly 0.
    medians : (hemispheres, channels); None: `find_medians` of ``volume``.

    Returns
    -------
    Same shape; background 0. A channel without brain is 0 everywhere.
    """
    medians = find_medians(volume) if medians is None else medians
    scale = medians[..., None, None, None] * SPREAD
    return (volume / scale).sub_(1 / SPREAD).masked_fill_(volume == 0, 0)


def find_medians(volume: torch.Tensor) -> torch.Tensor:
    """Return the brain medians (n, channels) of ``volume`` (n, channels, x, y, z); NaN without brain."""
    find = medians_by_partition if volume.is_cpu else medians_by_bisection
    return find(volume.flatten(0, 1).flatten(1)).view(volume.shape[:2])


def medians_by_partition(channels: torch.Tensor) -> torch.Tensor:
    """The lower median (n,) of each row's values above 0, NaN where there is none; the fastest way on CPU."""
    medians = np.full(len(channels), np.nan, np.float32)
    for number, values in enumerate(channels.numpy()):
        brain = values[values != 0]
        if len(brain):
            middle = (len(brain) - 1) // 2
            medians[number] = np.partition(brain, middle)[middle]
    return torch.from_numpy(medians)


def medians_by_bisection(channels: torch.Tensor) -> torch.Tensor:
    """The same for all rows at once, without synchronising host and GPU.

    Positive floats are ordered like their bits, so that 31 halvings find the median exactly. torch's own
    medians of rows are not deterministic on CUDA.
    """
    bits = channels.contiguous().view(torch.int32)
    empty = (bits == 0).sum(1)
    rank = empty + (channels.shape[1] - empty - 1) // 2
    low, high = torch.zeros_like(rank), torch.full_like(rank, torch.iinfo(torch.int32).max)
    for _ in range(31):
        middle = (low + high) // 2
        below = (bits <= middle[:, None].int()).half()  # of bools, a sum would copy to int64 first
        reached = below.sum(1, dtype=torch.float32) > rank  # exact: a row has fewer than 2^24 values
        low, high = torch.where(reached, low, middle + 1), torch.where(reached, middle, high)
    return torch.where(empty < channels.shape[1], high.int().view(torch.float32), torch.nan)
