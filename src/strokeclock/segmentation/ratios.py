"""The lesion's log ratios to the other hemisphere, and its size.

No two halves of a head are mirror images: what stands at the very mirrored voxels is a noisy guess of what
the tissue was. `measure_ratios` therefore asks a little around them, and lets the lesion's surroundings tell
what differs between the sides.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from strokeclock.models.field import Field
from strokeclock.models.unet3d import UNet
from strokeclock.segmentation.lesion import RIM_MM, measure_distance
from strokeclock.training.loop import batches
from strokeclock.training.store import Hemispheres

DARKEST = 1e-3  # a mean is at least this, so that a ratio is a number
AROUND_MM = 8.0  # in plane: the surroundings reach from the lesion's rim (`RIM_MM`) so far
FAINTEST = 0.1  # share of a voxel that still counts
OF_GREATEST = 0.7  # where none reaches it, a share counts that is so much of the greatest
_BATCH = 8  # hemispheres at once


def name_measures(series: Sequence[str]) -> tuple[str, ...]:
    """Name what `measure_ratios` returns of hemispheres with these series."""
    return (*(f"log_ratio_{name}" for name in series), "log_voxels")


def measure_ratios(
    own: np.ndarray, other: np.ndarray, lesion: np.ndarray, *, spacing: Sequence[float]
) -> np.ndarray:
    """Return each series' log ratio, and the log of the lesion's voxels behind them.

    The ratio is of the lesion to the mirrored place with its rim, over that of the surroundings on both
    sides. Where the lesion has no surroundings, they count as alike.

    Parameters
    ----------
    own, other : (channels, x, y, z)
        A hemisphere, and the other one mirrored.
    lesion : (x, y, z)
        Bool, or the lesion's share of each voxel, by which it counts; where there is brain on both sides.
    spacing
        Of a voxel along x and y, mm.

    Returns
    -------
    (channels + 1,) float
        NaN where there is no lesion.
    """
    if not lesion.any():
        return np.full(len(own) + 1, np.nan)
    distance = measure_distance(lesion > 0, spacing)
    distance[~(own.any(0) & other.any(0))] = np.inf
    around = (distance > RIM_MM) & (distance <= AROUND_MM)
    ratios = _mean(own, lesion) / _mean(other, distance <= RIM_MM)
    if around.any():
        ratios *= _mean(other, around) / _mean(own, around)
    return np.log([*ratios, lesion.sum()])


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of each channel of (channels, x, y, z) by weights (x, y, z)."""
    place = weights > 0
    means = np.average(values[:, place].astype(float), axis=1, weights=weights[place].astype(float))
    return np.maximum(means, DARKEST)


def measure_outlined(network: UNet, units: Hemispheres, *, field: Field, device: torch.device) -> np.ndarray:
    """Return `measure_ratios` of each hemisphere where the network finds the lesion, (n, series + 1)."""
    spacing = field.spacing_mm(units.values.shape[2:])
    found = find_lesions(network, units, field=field, device=device)
    return np.array(
        [
            measure_ratios(own, other, settle(share, own=own, other=other), spacing=spacing)
            for own, other, share in found
        ]
    )


def find_lesions(
    network: UNet, units: Hemispheres, *, field: Field, device: torch.device
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield of each hemisphere what is seen of it and of the other one, (series, x, y, z), and the lesion.

    The lesion is its share of each voxel (x, y, z), 0 to 1.
    """
    for batch in batches(np.arange(len(units)), _BATCH):
        seen = field.see(torch.from_numpy(units.values[batch]).to(device).float())
        with torch.inference_mode():
            found = network(seen)
        for both, share in zip(seen.cpu().numpy(), found[:, 0].cpu().numpy(), strict=True):
            yield *np.split(both, 2), share


def settle(share: np.ndarray, *, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which share of a voxel counts, where there is brain on both sides.

    Parameters
    ----------
    share : (x, y, z), as the outliner says.
    own, other : (series, x, y, z), background 0.

    Returns
    -------
    (x, y, z)
        0 below `FAINTEST`. A hemisphere that is timed holds a lesion: where none is found, the likeliest
        voxels are taken for it.
    """
    share = np.where((own != 0).all(0) & (other != 0).all(0), share, 0)
    return np.where(share >= min(FAINTEST, OF_GREATEST * share.max()), share, 0)
