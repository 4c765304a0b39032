"""Make intensities comparable between patients: normalise, and scale to [0, 1]; `matching` stands between.

Each series goes through normalise, match and rescale, in that order (arXiv 2011.03350, section 2.2; the paper
names the steps, docs/methods/paper.md the choices).
"""

from collections.abc import Sequence

import numpy as np

MEDIAN = 0.2  # fluid is up to five times as bright as the brain's median on b0, an infarct on DWI three times


def normalise(data: np.ndarray, mask: np.ndarray, *, method: str = "zscore", clip: float = 8.0) -> np.ndarray:
    """Intensities inside the mask shifted and scaled; 0 outside.

    Parameters
    ----------
    data, mask : (X, Y, Z) arrays
        Volume, and the brain (bool) from which shift and scale are taken.
    method : str
        "zscore": mean 0 and (population) standard deviation 1, clipped; "minmax": minimum 0 and maximum 1;
        "whitestripe": mean 0 and standard deviation 1 of the voxels about the largest mode, see
        `white_stripe`; "median": the brain's median becomes 0.2, and 0 stays 0, so that the ratio of any two
        voxels is kept; "none": the intensities as they are.
    clip : float
        For "zscore" the largest distance from the mean, in standard deviations.

    Returns
    -------
    (X, Y, Z) float32

    Raises
    ------
    ValueError
        The volume is constant inside the mask, or the mask is empty; for "whitestripe" see `white_stripe`;
        for "median" half of the brain is 0.
    """
    inside = data[mask].astype(np.float64)
    if inside.size == 0 or inside.min() == inside.max():
        raise ValueError("is constant inside the brain mask")
    if method == "zscore":
        inside = np.clip((inside - inside.mean()) / inside.std(), -clip, clip)
    elif method == "minmax":
        inside = (inside - inside.min()) / (inside.max() - inside.min())
    elif method == "whitestripe":
        stripe = white_stripe(inside)
        inside = (inside - stripe.mean()) / stripe.std()
    elif method == "median":
        if (median := np.median(inside)) <= 0:
            raise ValueError("is 0 in half of the brain mask or more")
        inside *= MEDIAN / median
    normalised = np.zeros(data.shape, dtype=np.float32)
    normalised[mask] = inside
    return normalised


def white_stripe(inside: np.ndarray) -> np.ndarray:
    """The tenth of the voxels about the largest mode of their histogram (Shinohara et al. 2014).

    The mode is that of a kernel density (Silverman's bandwidth) between the percentiles 0.1 and 99.9; the
    stripe reaches 5 % of all voxels to either side of it. In T1w images normal-appearing white matter has a
    peak of its own, the last one; in b0, DWI and FLAIR white and grey matter share one broad peak, so that
    the stripe here is brain tissue near the commonest intensity and not white matter alone.

    Parameters
    ----------
    inside : (n,) float64
        Intensities of the brain's voxels.

    Returns
    -------
    (about n / 10,) float64
        Intensities of the stripe's voxels, ascending.

    Raises
    ------
    ValueError
        They are all the same, for example because part of the brain was not imaged.
    """
    ordered = np.sort(inside)
    lower, upper, low, high = np.quantile(ordered, [0.25, 0.75, 0.001, 0.999])
    counts, edges = np.histogram(ordered, bins=500, range=(low, high))
    spread = min(ordered.std(), (upper - lower) / 1.34) or ordered.std()
    bandwidth = 0.9 * spread * ordered.size**-0.2 / (edges[1] - edges[0])
    kernel = np.exp(-0.5 * (np.arange(-249, 250) / bandwidth) ** 2)  # by hand: importing scipy costs 0.2 s
    peak = np.convolve(counts, kernel, mode="same").argmax()
    middle = round(np.searchsorted(ordered, edges[peak : peak + 2]).mean())
    reach = max(round(0.05 * ordered.size), 1)
    stripe = ordered[max(middle - reach, 0) : middle + reach + 1]
    if stripe[0] == stripe[-1]:
        raise ValueError("has one value in a tenth of the brain")
    return stripe


def histogram_profile(data: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Percentiles 0.5, 1.5, …, 99.5 of the z-scored, unclipped intensities inside the mask: (100,) float64.

    Independent of scale and offset, so that histograms before and after matching can be compared.
    """
    ordered = np.sort(data[mask])  # faster than a hundred partitions
    at = np.arange(0.5, 100) / 100 * (ordered.size - 1)
    return (np.interp(at, np.arange(ordered.size), ordered) - ordered.mean(dtype=float)) / ordered.std(
        dtype=float
    )


def rescale(data: np.ndarray, mask: np.ndarray, *, percentiles: Sequence[float] | None) -> np.ndarray:
    """Map two percentiles inside the mask to 0 and 1 and clip there; 0 outside; (X, Y, Z) float32.

    Without percentiles the normalised values are only clipped.
    """
    low, high = np.percentile(data[mask], percentiles) if percentiles else (0.0, 1.0)
    rescaled = np.zeros(data.shape, dtype=np.float32)
    rescaled[mask] = np.clip((data[mask] - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
    return rescaled


def scale(data: np.ndarray, mask: np.ndarray, *, full: float) -> np.ndarray:
    """A map as a share of ``full``, clipped to 0 to 1; 0 outside; (X, Y, Z) float32.

    A map with a unit, such as ADC, is comparable between patients: it is neither normalised nor matched.
    """
    return np.where(mask, np.clip(data / full, 0, 1), 0).astype(np.float32)
