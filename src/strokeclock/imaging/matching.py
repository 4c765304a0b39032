"""Match a series' histogram to the reference's: by the paper's landmarks, or by a map that keeps ratios.

A map that keeps every ratio is a gain, which normalisation by the brain's median gives. Where a map of log
intensity has the slope s, a ratio r becomes r^s. So only bounds on that slope bound the change of a lesion's
ratio to the contralateral side. Where the contrast of grey and white matter differs between scanners by more,
no map both aligns them and keeps the ratio.
"""

from typing import Literal

import numpy as np

NONE, BOUNDED, LANDMARKS = "none", "bounded", "landmarks"
Method = Literal["none", "bounded", "landmarks"]  # preprocessing.intensity.matching

BEND = 0.05  # greatest distance of the slope from 1: a ratio of 2.7 changes by 5 %, one of 1.3 by 1.3 %
SHARES = (0.02, 0.05, *(tenth / 10 for tenth in range(1, 10)), 0.95, 0.98)  # of the voxels below a quantile
_APART = 1e-3  # least distance of quantiles, in log intensity
_LOOSE = 1e-9  # the fit takes no bounds that are equal


def learn_target(data: np.ndarray, mask: np.ndarray, *, matching: Method, match_points: int) -> np.ndarray:
    """What `match` needs of the reference's normalised series, (n,) float64; ``matching`` is not "none"."""
    if matching == LANDMARKS:
        return landmarks(data, mask, match_points=match_points)
    return log_quantiles(data, mask)


def match(data: np.ndarray, mask: np.ndarray, *, target: np.ndarray, matching: Method) -> np.ndarray:
    """Match a normalised series (X, Y, Z) inside the brain (bool) to what `learn_target` returned."""
    if matching == LANDMARKS:
        return match_landmarks(data, mask, target=target)
    return match_bounded(data, mask, target=target)


def landmarks(data: np.ndarray, mask: np.ndarray, *, match_points: int) -> np.ndarray:
    """The intensities that matching maps to each other, ascending: (match_points + 2,) float64.

    Minimum and mean inside the mask, and ``match_points`` quantiles evenly spread over the voxels above the
    mean: ITK's HistogramMatchingImageFilter with its threshold at the mean, but quantiles exact instead of
    binned, and without its maximum (see `match_landmarks`).
    """
    inside = data[mask].astype(np.float64)
    mean = inside.mean()
    quantiles = np.quantile(inside[inside > mean], np.linspace(0, 1, match_points + 2)[1:-1])
    return np.concatenate([[inside.min(), mean], quantiles])


def match_landmarks(data: np.ndarray, mask: np.ndarray, *, target: np.ndarray) -> np.ndarray:
    """Map a volume's landmarks to the reference's, linearly between them; (X, Y, Z) float32, 0 outside.

    The paper's step. Slopes have no bounds, so that ratios of lesions change (docs/methods/paper.md).

    There are few landmarks and none at the top. Matching every quantile would give each patient the
    reference's share of bright voxels and so remove the contrast of an infarct; matching maximum to maximum,
    as ITK does, would do so for an infarct of any size. Above the last quantile the line goes on with the
    mean slope between mean and last quantile, so the tail keeps its shape as long as the infarct is smaller
    than the volume above that quantile: about 75 mL at seven points.

    Parameters
    ----------
    data, mask : (X, Y, Z) arrays
        Normalised volume and brain (bool).
    target : (match points + 2,)
        The reference's landmarks.
    """
    source = landmarks(data, mask, match_points=target.size - 2)
    inside = data[mask]
    slope = (target[-1] - target[1]) / (source[-1] - source[1])
    matched = np.zeros(data.shape, dtype=np.float32)
    matched[mask] = np.interp(inside, source, target) + slope * np.maximum(inside - source[-1], 0)
    return matched


def log_quantiles(data: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The log of the intensities above 0 inside the mask, at `SHARES` of the voxels: (13,) float64."""
    inside = data[mask & (data > 0)].astype(np.float64)
    return np.log(np.quantile(inside, SHARES))


def match_bounded(
    data: np.ndarray, mask: np.ndarray, *, target: np.ndarray, bend: float = BEND
) -> np.ndarray:
    """Bring a volume's log quantiles near the reference's by a smooth map whose slopes are bounded.

    The map of log intensity has slopes of 1 - bend to 1 + bend, which change linearly between the quantiles
    and are 1 at the outer ones and beyond. Of such maps it is the one nearest to the reference's quantiles
    (least squares). So 0 stays 0, and a ratio r becomes one between r^(1 - bend) and r^(1 + bend).

    Parameters
    ----------
    data, mask : (X, Y, Z) arrays
        Normalised volume, in which no signal is 0, and brain (bool).
    target : (13,)
        The reference's `log_quantiles`.

    Returns
    -------
    (X, Y, Z) float32
        0 outside.
    """
    bright = mask & (data > 0)
    knots = log_quantiles(data, mask)
    for number in range(1, knots.size):  # equal quantiles would give the map two values
        knots[number] = max(knots[number], knots[number - 1] + _APART)
    start, slopes = _fit_slopes(knots, target, bend=bend)
    matched = np.zeros(data.shape, dtype=np.float32)
    matched[bright] = np.exp(_integrate(np.log(data[bright].astype(np.float64)), knots, start, slopes))
    return matched


def _fit_slopes(knots: np.ndarray, target: np.ndarray, *, bend: float) -> tuple[float, np.ndarray]:
    """Return the map's value at the first knot and its slope at each."""
    from scipy.optimize import lsq_linear  # imported here, for it takes .2 s and only this method needs it

    halves = np.diff(knots) / 2
    rises = np.zeros((knots.size, knots.size))  # from the first knot to each, for each knot's slope
    for number, half in enumerate(halves):
        rises[number + 1] = rises[number]
        rises[number + 1, number : number + 2] += half
    least, most = np.full(knots.size + 1, 1 - bend), np.full(knots.size + 1, 1 + bend)
    least[0], most[0] = -np.inf, np.inf
    for end in (1, -1):
        least[end], most[end] = 1 - _LOOSE, 1 + _LOOSE
    found = lsq_linear(np.column_stack([np.ones(knots.size), rises]), target, bounds=(least, most)).x
    return float(found[0]), found[1:]


def _integrate(values: np.ndarray, knots: np.ndarray, start: float, slopes: np.ndarray) -> np.ndarray:
    """Return the map (n,) of values (n,) whose slope is linear between the knots and 1 beyond them."""
    steps = np.diff(knots)
    heights = start + np.concatenate([[0], np.cumsum(steps * (slopes[:-1] + slopes[1:]) / 2)])
    within = np.clip(values, knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, within) - 1, 0, steps.size - 1)
    along = within - knots[left]
    bends = (slopes[left + 1] - slopes[left]) / (2 * steps[left])
    return heights[left] + along * (slopes[left] + along * bends) + (values - within)
