"""Sums along one axis of a volume at a time: smoothing, and interpolation between parallel grids."""

from math import prod

import numpy as np
from scipy import ndimage

from strokeclock.imaging.compiled import compiled

BLOCK = 64  # lines


def combine(data: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    """Replace the n values along an axis of a volume by m weighted sums of them.

    Parameters
    ----------
    data : (X, Y, Z)
    weights : (m, n)
        Mostly 0 away from a diagonal; the zeros on either side of it cost nothing.

    Returns
    -------
    float32, of the shape of the data with m along the axis.
    """
    if np.array_equal(weights, np.eye(weights.shape[1])):
        return data.astype(np.float32, copy=False)
    before, (n, *after) = data.shape[:axis], data.shape[axis:]
    lines = np.ascontiguousarray(data, dtype=np.float32).reshape(prod(before), n, prod(after))
    weights = weights.astype(np.float32)
    used = weights != 0
    bounds = np.stack([used.argmax(axis=1), n - used[:, ::-1].argmax(axis=1)], axis=1)
    result = _combine(lines, weights, bounds) if after else _combine_last(lines[:, :, 0], weights, bounds)
    return result.reshape(*before, len(weights), *after)


def smooth(
    data: np.ndarray, sigma: np.ndarray, *, mode: str = "reflect", truncate: float = 4.0
) -> np.ndarray:
    """`scipy.ndimage.gaussian_filter` of a volume (X, Y, Z), float32; sigma: (3,) in voxels."""
    for axis, (n, width) in enumerate(zip(data.shape, sigma, strict=True)):
        if width:
            one = ndimage.gaussian_filter1d(np.eye(n), width, axis=0, mode=mode, truncate=truncate)
            data = combine(data, one, axis)
    return data


@compiled
def _combine(data: np.ndarray, weights: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sums (before, m, after) of data (before, n, after) by weights (m, n).

    ``bounds`` (m, 2): of each row the first weight that is not 0, and the place behind the last.
    """
    before, _, after = data.shape
    result = np.zeros((before, len(weights), after), dtype=np.float32)
    for i in range(before):
        for row in range(len(weights)):
            for j in range(bounds[row, 0], bounds[row, 1]):
                weight = weights[row, j]
                for k in range(after):
                    result[i, row, k] += weight * data[i, j, k]
    return result


@compiled
def _combine_last(data: np.ndarray, weights: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sums (lines, m) of data (lines, n), as `_combine`.

    Some lines at a time are turned, so that what is added together lies together in memory.
    """
    m, n = weights.shape
    result = np.empty((len(data), m), dtype=np.float32)
    lines, sums = np.empty((n, BLOCK), dtype=np.float32), np.empty((m, BLOCK), dtype=np.float32)
    for first in range(0, len(data), BLOCK):
        size = min(BLOCK, len(data) - first)
        for i in range(size):
            for j in range(n):
                lines[j, i] = data[first + i, j]
        sums[:] = 0
        for row in range(m):
            for j in range(bounds[row, 0], bounds[row, 1]):
                weight = weights[row, j]
                for i in range(size):
                    sums[row, i] += weight * lines[j, i]
        for i in range(size):
            for row in range(m):
                result[first + i, row] = sums[row, i]
    return result
