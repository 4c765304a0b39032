"""Texture of grey levels in a region, slice by slice: co-occurrence and run-length matrices, binary patterns.

Definitions of the Image Biomarker Standardisation Initiative (IBSI; Zwanenburg et al. 2020), with directions
and slices merged into one matrix (its aggregation 2.5D, merged). Logarithms are to base 2.
"""

import numpy as np

LEVELS = 32
LONGEST = 32  # a longer run counts as one of this length
DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))  # steps along x and y
POINTS, RADIUS = 8, 1  # of binary patterns, in voxels


def count_pairs(levels: np.ndarray, region: np.ndarray, *, count: int = LEVELS) -> np.ndarray:
    """Count the pairs of neighbours in plane, at a distance of one voxel along the four directions.

    Parameters
    ----------
    levels : (X, Y, Z) of 1 to ``count``
    region : (X, Y, Z) bool

    Returns
    -------
    (count, count)
        Both orders of each pair: symmetric.
    """
    from skimage.feature import graycomatrix  # imported here, for it takes .5 s

    angles = np.arange(4) * np.pi / 4
    inside = np.where(region, levels, 0).astype(np.uint8)
    slices = (inside[:, :, z] for z in np.flatnonzero(region.any(axis=(0, 1))))
    matrices = (graycomatrix(plane, [1], angles, levels=count + 1, symmetric=True) for plane in slices)
    pairs = sum((matrix.sum(axis=(2, 3)) for matrix in matrices), np.zeros((count + 1, count + 1)))
    return pairs[1:, 1:]  # level 0 is what lies outside


def describe_pairs(pairs: np.ndarray) -> dict[str, float]:
    """Return the 21 numbers of a co-occurrence matrix (`count_pairs`); NaN where one is not defined."""
    n = len(pairs)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = pairs / pairs.sum()
        i, j = np.meshgrid(np.arange(1, n + 1), np.arange(1, n + 1), indexing="ij")
        own = p.sum(axis=1)  # the same along both axes
        total = np.bincount((i + j).ravel(), p.ravel())  # of i + j
        apart = np.bincount(abs(i - j).ravel(), p.ravel())  # of |i - j|
        sums, steps = np.arange(len(total)), np.arange(n)
        mean = float(own @ np.arange(1, n + 1))
        variance = float((p * (i - mean) ** 2).sum())
        product = np.outer(own, own)
        joint, single = _entropy(p), _entropy(own)
        crossed = -float((p * _log(product)).sum())  # HXY1; HXY2 is the entropy of the product
        centred = i + j - 2 * mean
        return {
            "energy": float((p**2).sum()),
            "entropy": joint,
            "dissimilarity": float(apart @ steps),
            "contrast": float(apart @ steps**2),
            "inverse_difference": float(apart @ (1 / (1 + steps))),
            "correlation": float((p * (i - mean) * (j - mean)).sum() / np.float64(variance)),
            "inverse_difference_moment": float(apart @ (1 / (1 + steps**2))),
            "autocorrelation": float((p * i * j).sum()),
            "cluster_shade": float((p * centred**3).sum()),
            "cluster_prominence": float((p * centred**4).sum()),
            "maximum_probability": float(p.max()),
            "sum_of_squares": variance,
            "sum_average": float(total @ sums),
            "sum_variance": float(total @ (sums - total @ sums) ** 2),
            "sum_entropy": _entropy(total),
            "difference_variance": float(apart @ (steps - apart @ steps) ** 2),
            "difference_entropy": _entropy(apart),
            "information_1": float(np.float64(joint - crossed) / single),
            "information_2": float(np.sqrt(max(0.0, 1 - np.exp(-2 * (_entropy(product) - joint))))),
            "inverse_difference_normalised": float(apart @ (1 / (1 + steps / n))),
            "inverse_difference_moment_normalised": float(apart @ (1 / (1 + steps**2 / n**2))),
        }


def _log(p: np.ndarray) -> np.ndarray:
    """The logarithm where p is above 0, else 0."""
    return np.log2(p, out=np.zeros_like(p), where=p > 0)


def _entropy(p: np.ndarray) -> float:
    return -float((p * _log(p)).sum())


def count_runs(levels: np.ndarray, region: np.ndarray, *, count: int = LEVELS) -> np.ndarray:
    """Count the runs of one level along the four directions in plane.

    Parameters
    ----------
    levels : (X, Y, Z) of 1 to ``count``
    region : (X, Y, Z) bool

    Returns
    -------
    (count, LONGEST)
        Of each level, the number of runs of 1, 2, … voxels.
    """
    x, y, z = np.nonzero(region)
    level = levels[region]
    runs = np.zeros((count, LONGEST))
    for along_x, along_y in DIRECTIONS:
        place = x if along_x else y
        line = along_y * x - along_x * y  # the same for all voxels of one line
        order = np.lexsort((place, line, z))
        steps = [np.diff(values[order]) for values in (level, line, z, place)]
        breaks = (steps[0] != 0) | (steps[1] != 0) | (steps[2] != 0) | (steps[3] != 1)
        starts = np.flatnonzero(np.concatenate([[True], breaks])) if len(level) else np.zeros(0, int)
        lengths = np.diff(starts, append=len(level))
        np.add.at(runs, (level[order][starts] - 1, np.minimum(lengths, LONGEST) - 1), 1)
    return runs


def describe_runs(runs: np.ndarray, *, voxels: int) -> dict[str, float]:
    """Return the 11 numbers of a run-length matrix (`count_runs`) of a region of so many voxels."""
    level, length = np.meshgrid(*(np.arange(1.0, n + 1) for n in runs.shape), indexing="ij")
    with np.errstate(invalid="ignore", divide="ignore"):
        p = runs / runs.sum()
        weights = {
            "short_run": length**-2,
            "long_run": length**2,
            "low_level": level**-2,
            "high_level": level**2,
            "short_run_low_level": length**-2 * level**-2,
            "short_run_high_level": length**-2 * level**2,
            "long_run_low_level": length**2 * level**-2,
            "long_run_high_level": length**2 * level**2,
        }
        return {name: float((p * weight).sum()) for name, weight in weights.items()} | {
            "level_non_uniformity": float((runs.sum(axis=1) ** 2).sum() / runs.sum()),
            "length_non_uniformity": float((runs.sum(axis=0) ** 2).sum() / runs.sum()),
            "run_percentage": float(runs.sum() / np.float64(voxels * len(DIRECTIONS))),
        }


def find_patterns(values: np.ndarray) -> np.ndarray:
    """Return the rotation-invariant local binary pattern of each voxel, 0 to 255, slice by slice.

    Of the eight points around a voxel (those off the grid interpolated) each is 1 where it is at least as
    bright as the voxel; the pattern is the least number that a rotation of the eight bits gives (Ojala 2002).

    Parameters
    ----------
    values : (X, Y, Z) of whole numbers
        Interpolation keeps equal whole numbers equal, but not equal fractions. At the border of the grid the
        points beyond count as 0.
    """
    from skimage.feature import local_binary_pattern  # imported here, for it takes .5 s

    planes = np.moveaxis(values, 2, 0)
    return np.stack([local_binary_pattern(plane, POINTS, RADIUS, "ror") for plane in planes], axis=2)
