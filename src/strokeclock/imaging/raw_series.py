"""What a raw series must be before anything is done to it: grey values of a head, each slice in its place.

docs/methods/quality.md lists what each number tells, how often it errs, and what no number tells.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from strokeclock.imaging.volume import Volume

SAMPLE = 100_000  # voxels that represent a series
LEAST_LEVELS = 16  # different values of a head; a mask has 1, a label map a few
LEAST_SMOOTHNESS = 0.5  # correlation of neighbours in the head; noise has 0
LEAST_ORDER = 0.6  # share of the slices that are most like a neighbour; by chance it is 2 / slices
MOST_SATURATED = 0.01  # share of the head's voxels at the highest value
MOST_WRAPPED = 0.05  # of the brightest voxels, the share beside a dark one
COPY = 0.9995  # correlation of two series on one grid, from which one is the other times a factor
_FILLED = 0.2  # of the head's largest slice
_BRIGHT, _DARK = 0.8, 0.15  # shares of the 99.9th percentile of the head


def measure_raw(volume: "Volume") -> dict[str, float]:
    """Measure one raw magnitude series.

    Returns
    -------
    dict
        levels: different values in the head (what is brighter than the volume's mean), in a sample.
        smoothness: correlation of neighbouring voxels of a slice in the head.
        order: of the slices that show a good part of the head, the share that are more like a neighbour than
        like any other.
        gaps: number of empty slices between slices that show something.
        saturated: share of the head's voxels at the highest value.
        wrapped: of the brightest voxels, the share that touch a dark one inside the head, as where values
        overflow and begin again at 0.
    """
    data = np.moveaxis(volume.data, int(np.argmax(volume.spacing)), 2)
    head = data > data.mean()
    values = data[head]
    signal = np.flatnonzero((data != data[0, 0]).any(axis=(0, 1)))
    filled = head.sum(axis=(0, 1))
    return {
        "levels": int(np.unique(thin(values)).size),
        "smoothness": round(_smoothness(data, head), 4),
        "order": round(_order(data[::3, ::3, filled > _FILLED * filled.max()]), 4),
        "gaps": int(np.ptp(signal) + 1 - signal.size),
        "saturated": round(float((values == values.max()).mean()), 5),
        "wrapped": round(_wrapped(data / np.percentile(thin(values), 99.9)), 4),
    }


def find_fault(numbers: Mapping[str, float]) -> str | None:
    """Return what is wrong with a raw series by `measure_raw`, as a sentence without its subject, or None."""
    if (levels := numbers["levels"]) < LEAST_LEVELS:
        return f"holds {levels:g} different values in the head: give the series, not a mask of it"
    if (smoothness := numbers["smoothness"]) < LEAST_SMOOTHNESS:
        return (
            f"shows noise: neighbouring voxels correlate by {smoothness:.2f}, below {LEAST_SMOOTHNESS:g}; "
            "export the series again"
        )
    if gaps := numbers["gaps"]:
        return f"has {gaps:g} empty slices between others; export the whole series again"
    if (order := numbers["order"]) < LEAST_ORDER:
        return (
            f"has its slices out of order: {order:.0%} are most like a neighbour, below {LEAST_ORDER:.0%}; "
            "export it again"
        )
    if (saturated := numbers["saturated"]) > MOST_SATURATED:
        return (
            f"is saturated: {saturated:.1%} of the head have the highest value, above {MOST_SATURATED:.0%}; "
            "export it again in full range"
        )
    if (wrapped := numbers["wrapped"]) > MOST_WRAPPED:
        return (
            f"overflowed: {wrapped:.0%} of its brightest voxels touch a dark one, above {MOST_WRAPPED:.0%}; "
            "export it again in full range"
        )
    return None


def are_copies(first: "Volume", second: "Volume") -> bool:
    """Whether two series on one grid are one, up to a factor and an offset."""
    if not first.same_grid(second):
        return False
    a, b = (thin(volume.data.ravel()).astype(np.float64) for volume in (first, second))
    return bool(a.std() > 0 and b.std() > 0 and abs(np.corrcoef(a, b)[0, 1]) > COPY)


def thin(values: np.ndarray) -> np.ndarray:
    """About SAMPLE of many values (n,), evenly spaced."""
    return values[:: max(1, values.size // SAMPLE)]


def _smoothness(data: np.ndarray, head: np.ndarray) -> float:
    pairs = thin(np.flatnonzero(head[1:] & head[:-1]))
    here, there = (part.reshape(-1)[pairs].astype(np.float64) for part in (data[1:], data[:-1]))
    if here.size < 2 or here.std() == 0 or there.std() == 0:
        return 0.0
    return float(np.corrcoef(here, there)[0, 1])


def _order(data: np.ndarray) -> float:
    """Of slices that all show a head, the share that correlate most with the slice above or below."""
    slices = data.reshape(-1, data.shape[2]).astype(np.float64)
    slices -= slices.mean(axis=0)
    slices /= np.maximum(np.linalg.norm(slices, axis=0), 1e-12)
    likeness = slices.T @ slices
    np.fill_diagonal(likeness, -2)
    return float((np.abs(likeness.argmax(axis=0) - np.arange(data.shape[2])) == 1).mean())


def _wrapped(share: np.ndarray) -> float:
    """Of the voxels of at least `_BRIGHT`, those beside one of at most `_DARK` along x or y, inside the head.

    Inside means that brighter voxels enclose it in its slice: skin may border on air. Where that border and
    the inside together are few enough, they are what is returned.
    """
    bright, dark = share >= _BRIGHT, share <= _DARK
    most = _count_beside(bright, dark) / max(bright.sum(), 1)
    if most <= MOST_WRAPPED:
        return float(most)  # in the head and at its edge; filling takes longest
    filled = np.stack([ndimage.binary_fill_holes(~plane) for plane in np.moveaxis(dark, 2, 0)], axis=2)
    return float(_count_beside(bright, dark & filled) / max(bright.sum(), 1))


def _count_beside(voxels: np.ndarray, others: np.ndarray) -> int:
    """How many voxels of one mask have a neighbour along x or y in another."""
    beside = np.zeros_like(others)
    beside[1:] |= others[:-1]
    beside[:-1] |= others[1:]
    beside[:, 1:] |= others[:, :-1]
    beside[:, :-1] |= others[:, 1:]
    return int((beside & voxels).sum())
