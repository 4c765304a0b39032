"""Intensities made comparable between patients: z-score, histogram matching to one training patient, [0, 1].

Each series goes through normalise, match and rescale, in that order (arXiv 2011.03350, section 2.2; the paper
names the steps, docs/paper.md the choices).
"""

import logging

import numpy as np

log = logging.getLogger(__name__)

SERIES = ("dwi", "t2w", "flair")


def normalise(data: np.ndarray, mask: np.ndarray, *, method: str = "zscore", clip: float = 5.0) -> np.ndarray:
    """Mean 0 and standard deviation 1 inside the mask, clipped; 0 outside.

    Parameters
    ----------
    data, mask : (X, Y, Z) arrays
        Volume, and the brain (bool) in which mean and (population) standard deviation are taken.
    method : str
        "zscore", or "none": the intensities as they are.
    clip : float
        Largest distance from the mean, in standard deviations.

    Returns
    -------
    (X, Y, Z) float32

    Raises
    ------
    ValueError
        The volume is constant inside the mask, or the mask is empty.
    """
    inside = data[mask].astype(np.float64)
    if inside.size == 0 or inside.min() == inside.max():
        raise ValueError("is constant inside the brain mask")
    if method == "zscore":
        inside = np.clip((inside - inside.mean()) / inside.std(), -clip, clip)
    normalised = np.zeros(data.shape, dtype=np.float32)
    normalised[mask] = inside
    return normalised


def landmarks(data: np.ndarray, mask: np.ndarray, *, match_points: int) -> np.ndarray:
    """The intensities that matching carries onto each other, ascending: (match_points + 2,) float64.

    Minimum and mean inside the mask, and ``match_points`` quantiles evenly spread over the voxels above the
    mean: ITK's HistogramMatchingImageFilter with its threshold at the mean, but quantiles exact instead of
    binned, and without its maximum (see `match`). An empty array where match_points is 0.
    """
    if match_points == 0:
        return np.empty(0)
    inside = data[mask].astype(np.float64)
    mean = inside.mean()
    quantiles = np.quantile(inside[inside > mean], np.linspace(0, 1, match_points + 2)[1:-1])
    return np.concatenate([[inside.min(), mean], quantiles])


def histogram_profile(data: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Percentiles 0.5, 5, 10, …, 95 and 99.5 of the z-scored intensities inside the mask: (21,) float64."""
    inside = normalise(data, mask, clip=np.inf)[mask]
    return np.percentile(inside, [0.5, *range(5, 100, 5), 99.5])


def match(data: np.ndarray, mask: np.ndarray, *, target: np.ndarray) -> np.ndarray:
    """Carry a volume's landmarks onto the reference's, linearly between them; (X, Y, Z) float32, 0 outside.

    Few landmarks, and none at the top, on purpose. Matching every quantile gives each patient the reference's
    share of bright voxels, and so takes away the contrast of an infarct, the very thing to be read; ITK's own
    tie of maximum to maximum does the same to an infarct of any size. Above the last quantile the line goes
    on with the mean slope between mean and last quantile, so the tail keeps its own shape as long as the
    infarct is smaller than what lies above that quantile: about 75 mL at seven points.

    Parameters
    ----------
    data, mask : (X, Y, Z) arrays
        Normalised volume and brain (bool).
    target : (match points + 2,) or (0,)
        The reference's landmarks; empty: nothing is matched.
    """
    if target.size == 0:
        return data
    source = landmarks(data, mask, match_points=target.size - 2)
    inside = data[mask]
    slope = (target[-1] - target[1]) / (source[-1] - source[1])
    matched = np.zeros(data.shape, dtype=np.float32)
    matched[mask] = np.interp(inside, source, target) + slope * np.maximum(inside - source[-1], 0)
    return matched


def rescale(data: np.ndarray, mask: np.ndarray, *, percentiles: tuple[float, float]) -> np.ndarray:
    """Map two percentiles inside the mask to 0 and 1 and clip there; 0 outside; (X, Y, Z) float32."""
    low, high = np.percentile(data[mask], percentiles)
    rescaled = np.zeros(data.shape, dtype=np.float32)
    rescaled[mask] = np.clip((data[mask] - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    return rescaled
