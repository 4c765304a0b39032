"""Arterial territories of the brain, in template coordinates (RAS+ mm).

Every place belongs to the artery whose branches end nearest: territories are the Voronoi cells of typical
ends of branches (after the maps of Tatu et al. 1998, simplified), mirrored for the two sides.
"""

import numpy as np
from numpy.typing import NDArray

from strokeclock.phantom.anatomy import both_sides

BRANCHES = {  # right side, mm
    "aca": (
        (7, 58, 12),
        (8, 32, 42),
        (9, 5, 60),
        (9, -22, 66),
        (8, -45, 58),
        (6, 42, -14),
        (7, 22, 30),
        (8, -8, 42),
    ),
    "mca": (
        (46, 28, 8),
        (54, 0, 24),
        (56, -25, 22),
        (50, -48, 32),
        (56, -20, -6),
        (44, 12, -22),
        (42, 36, 22),
        (42, -10, 48),
        (48, -56, 10),
        (38, 2, 4),
        (28, -2, 18),
        (30, 20, -14),
    ),
    "pca": (
        (10, -86, 4),
        (15, -70, -4),
        (28, -52, -12),
        (28, -26, -22),
        (20, -96, 10),
        (12, -66, 20),
        (36, -70, -12),
        (11, -18, 8),
    ),
}


def measure_margin(points: NDArray, territory: str) -> NDArray[np.float32]:
    """Return how far (mm) each of `points` (3, n) lies inside aca, mca or pca; negative outside."""
    distances = {name: _nearest(points, name) for name in BRANCHES}
    own = distances.pop(territory)
    return np.minimum(*distances.values()) - own


def measure_watershed(points: NDArray) -> NDArray[np.float32]:
    """Return how far (mm) each of `points` (3, n) lies from the border of the middle cerebral artery."""
    return np.abs(measure_margin(points, "mca"))


def _nearest(points: NDArray, territory: str) -> NDArray[np.float32]:
    near = both_sides(points)
    squared = [sum((near[a] - c[a]) ** 2 for a in range(3)) for c in BRANCHES[territory]]
    return np.sqrt(np.minimum.reduce(squared)).astype(np.float32)
