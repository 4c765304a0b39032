"""The lesion's log ratios to the contralateral hemisphere, and its size.

The two halves of a head are not exact mirror images: the mirrored voxels are a noisy estimate of the signal
without a lesion. `measure_ratios` therefore averages over a rim around them, too, and corrects for the
difference between the sides in the lesion's surroundings.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from strokeclock.models.unet3d import UNet
from strokeclock.models.view import View
from strokeclock.segmentation.lesion import RIM_MM, measure_distance
from strokeclock.training.loop import batches
from strokeclock.training.store import Hemispheres

DARKEST = 1e-3  # least mean, so that a ratio is finite
AROUND_MM = 8.0  # in plane: the surroundings reach from the rim (`RIM_MM`) to this distance
FAINTEST = 0.1  # least share of a voxel that counts
OF_GREATEST = 0.7  # times the greatest share: the least that counts where no share reaches `FAINTEST`
_BATCH = 8  # hemispheres


def name_measures(series: Sequence[str]) -> tuple[str, ...]:
    """Name the numbers that `measure_ratios` returns for these series."""
    return (*(f"log_ratio_{name}" for name in series), "log_voxels")


def measure_ratios(
    own: np.ndarray, contralateral: np.ndarray, lesion: np.ndarray, *, spacing: Sequence[float]
) -> np.ndarray:
    """Return each series' log ratio, and behind them the log of the lesion's size in voxels.

    The ratio is the lesion's mean over the contralateral mean with the rim, divided by the ratio of the
    surroundings. Where the lesion has no surroundings, the latter is 1.

    Parameters
    ----------
    own, contralateral : (channels, x, y, z)
        A hemisphere, and the contralateral one mirrored.
    lesion : (x, y, z)
        Bool, or the lesion's share of each voxel, as weight; 0 where a side has no brain.
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
    distance[~(own.any(0) & contralateral.any(0))] = np.inf
    around = (distance > RIM_MM) & (distance <= AROUND_MM)
    ratios = _mean(own, lesion) / _mean(contralateral, distance <= RIM_MM)
    if around.any():
        ratios *= _mean(contralateral, around) / _mean(own, around)
    return np.log([*ratios, lesion.sum()])


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean of each channel of (channels, x, y, z) with weights (x, y, z)."""
    place = weights > 0
    means = np.average(values[:, place].astype(float), axis=1, weights=weights[place].astype(float))
    return np.maximum(means, DARKEST)


def measure_segmented(network: UNet, units: Hemispheres, *, view: View, device: torch.device) -> np.ndarray:
    """Return `measure_ratios` of each hemisphere's segmented lesion, (n, series + 1)."""
    spacing = view.spacing_mm(units.values.shape[2:])
    found = find_lesions(network, units, view=view, device=device)
    return np.array(
        [
            measure_ratios(
                own, contralateral, drop_faint(share, own=own, contralateral=contralateral), spacing=spacing
            )
            for own, contralateral, share in found
        ]
    )


def find_lesions(
    network: UNet, units: Hemispheres, *, view: View, device: torch.device
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the views of each hemisphere and of the contralateral one, (series, x, y, z), and the lesion.

    The lesion is its share of each voxel (x, y, z), 0 to 1; 0 without brain there.
    """
    for batch in batches(np.arange(len(units)), _BATCH):
        seen = view.see(torch.from_numpy(units.values[batch]).to(device).float())
        with torch.inference_mode():
            found = network(seen, needed=(seen != 0).all(1))
        for both, share in zip(seen.cpu().numpy(), found[:, 0].cpu().numpy(), strict=True):
            yield *np.split(both, 2), share


def drop_faint(share: np.ndarray, *, own: np.ndarray, contralateral: np.ndarray) -> np.ndarray:
    """Return the lesion's share without faint voxels and without those where a side has no brain.

    Parameters
    ----------
    share : (x, y, z), the segmentation network's output.
    own, contralateral : (series, x, y, z), background 0.

    Returns
    -------
    (x, y, z)
        0 below `FAINTEST`. A hemisphere of a time task holds a lesion: where no voxel reaches `FAINTEST`, the
        voxels with the greatest shares are kept.
    """
    share = np.where((own != 0).all(0) & (contralateral != 0).all(0), share, 0)
    return np.where(share >= min(FAINTEST, OF_GREATEST * share.max()), share, 0)
