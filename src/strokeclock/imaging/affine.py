"""T2w (b0) to atlas: a coarse-to-fine affine registration by the correlation ratio.

The atlas intensity is predicted from the moving intensity by a smooth one-dimensional curve, re-estimated
at every step; the residual is predicted minus atlas, and its Jacobian the chain rule through curve, image
gradient and matrix. Ten starts at 8 mm have seven parameters each; after four steps the best five go on.
The best two distinct results get all parameters (twelve by default) at 8 and 4 mm, the better one at 3 mm.
"""

import logging

import numpy as np
from scipy import ndimage

from strokeclock.imaging.alignment import (
    AXIS_SCALINGS,
    CONVERGED,
    MOST_STEPS,
    NEAR,
    ROTATIONS,
    SCALING,
    STRETCHES,
    Linear,
    Sampler,
    choose_points,
    coarsen,
    descend,
    distance,
    start,
    tilts,
)
from strokeclock.imaging.compiled import compiled
from strokeclock.imaging.volume import Volume

log = logging.getLogger(__name__)

BINS = 32
SMOOTHING = ndimage.gaussian_filter1d(np.eye(BINS), 1.0, axis=0, mode="constant")  # of the bins
COARSE, MIDDLE, FINE = 8.0, 4.0, 3.0  # mm
TILT = 22.0  # degrees
DROP = 25.0  # mm: where the neck is imaged, the brain lies above the head's centre of mass
CEILING = 99.0  # percentile of the head that becomes 1: eyes and vessels are brighter
DISTINCT = 8.0  # mm
# Degrees of freedom -> directions in which the matrix may change, and those along the atlas' axes.
FREEDOM = {
    6: {"generators": ROTATIONS},
    7: {"generators": ROTATIONS + SCALING},
    9: {"generators": ROTATIONS, "first": AXIS_SCALINGS},
    12: {"generators": STRETCHES},
}


def register_affine(moving: Volume, atlas: Volume, atlas_mask: Volume, *, dof: int = 12) -> np.ndarray:
    """Find the affine transform of a T2w volume to the atlas.

    Parameters
    ----------
    moving : Volume
        T2w (b0), whole head or stripped, any field of view.
    atlas, atlas_mask : Volume
        T2w atlas and its brain mask, on one grid, about 2 mm.
    dof : 6 | 7 | 9 | 12
        Rigid, one scale, a scale along each of the atlas' axes, any affine.

    Returns
    -------
    (4, 4)
        Moving world to atlas world, RAS+ mm.
    """
    fine, atlas, atlas_mask = (coarsen(volume, FINE) for volume in (moving, atlas, atlas_mask))
    fine = Volume(scaled(fine.data), fine.affine)
    brain = (
        atlas_mask.affine[:3, :3] @ np.argwhere(atlas_mask.data > 0.5).mean(axis=0) + atlas_mask.affine[:3, 3]
    )

    level = _Level.of(fine, atlas, atlas_mask, spacing=COARSE)
    poses = _starts(fine, brain)
    for iterations in (4, 8):
        results = [level.descend(p, dof=min(dof, 7), iterations=iterations) for p in poses]
        results.sort(key=lambda result: result[1])
        poses = [pose for pose, _ in results[:5]]
    kept = results[:1]
    kept += [r for r in results if distance(r[0], kept[0][0], level.points) > DISTINCT][:1]

    kept = [level.converge(pose, dof=dof) for pose, _ in kept]
    level = _Level.of(fine, atlas, atlas_mask, spacing=MIDDLE)
    pose, _ = min((level.converge(pose, dof=dof) for pose, _ in kept), key=lambda result: result[1])
    level = _Level.of(fine, atlas, atlas_mask, spacing=FINE)
    pose, cost = level.converge(pose, dof=dof)
    log.info("affine: correlation ratio %.3f", 1 - cost)
    return np.linalg.inv(pose)


def scaled(data: np.ndarray) -> np.ndarray:
    """Intensities from 0 to 1 at a high percentile of what is not background."""
    return np.clip(data / np.percentile(data[foreground(data)], CEILING), 0, 1)


def foreground(data: np.ndarray) -> np.ndarray:
    """The head: voxels brighter than half the mean of those above the mean."""
    return data > 0.5 * data[data > data.mean()].mean()


def _starts(moving: Volume, brain: np.ndarray) -> list[np.ndarray]:
    """Ten poses that bring the atlas brain's centre to the head's centre of mass or above it."""
    head = foreground(moving.data)
    mass = moving.affine[:3, :3] @ np.array(ndimage.center_of_mass(head)) + moving.affine[:3, 3]
    up = np.array([0, 0, DROP])
    shifted = [(tilt, 0 * up) for tilt in tilts(TILT)]
    shifted += [({}, up), ({"pitch": TILT}, up), ({"pitch": -TILT}, up)]
    return [start(tilt, fixed=brain, moving=mass + shift) for tilt, shift in shifted]


class _Level:
    """One resolution: the atlas points used, their intensities, the moving volume blurred to match."""

    def __init__(self, points: np.ndarray, target: np.ndarray, sampler: Sampler):
        self.points, self.target, self.sampler = points, target, sampler
        self.variance = float(target.var())

    @classmethod
    def of(cls, moving: Volume, atlas: Volume, mask: Volume, *, spacing: float) -> "_Level":
        moving, small, covered = (
            v if spacing == FINE else coarsen(v, spacing) for v in (moving, atlas, mask)
        )
        index = choose_points(ndimage.binary_dilation(covered.data >= 0.5)).T
        points = (small.affine[:3, :3] @ index + small.affine[:3, 3:]).astype(np.float32)
        target = scaled(small.data)[tuple(index)]
        return cls(points, target, Sampler(moving))

    def converge(self, pose: np.ndarray, *, dof: int) -> tuple[np.ndarray, float]:
        return self.descend(pose, dof=dof, iterations=MOST_STEPS, tolerance=CONVERGED)

    def descend(
        self, pose: np.ndarray, *, dof: int, iterations: int, tolerance: float = NEAR
    ) -> tuple[np.ndarray, float]:
        return descend(
            pose,
            points=self.points,
            sampler=self.sampler,
            fit=self._fit,
            iterations=iterations,
            tolerance=tolerance,
            generators=FREEDOM[dof]["generators"],
            first=FREEDOM[dof].get("first", ()),
        )

    def _fit(self, values: np.ndarray, inside: np.ndarray) -> tuple[float, Linear | None]:
        """Cost: share of the atlas variance not explained; points outside the field of view explain none."""
        if values.size < 0.2 * inside.size:
            return np.inf, None
        # The mean target at BINS moving intensities from 0 to 1, smoothed with the counts as weights.
        count, total = (SMOOTHING @ x for x in _count(values, self.target, inside))
        residual, rise, unexplained = _predict(values, self.target, inside, total / count)
        unexplained += (inside.size - values.size) * self.variance
        return unexplained / (inside.size * self.variance), Linear(residual, rise)


@compiled
def _count(values: np.ndarray, target: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many values fall to each bin, a little above 0, and the sum of their targets."""
    count, total = np.full(BINS, 1e-3), np.zeros(BINS)
    m = 0
    for i in range(inside.size):
        if inside[i]:
            position = values[m] * (BINS - 1)
            low = min(int(position), BINS - 2)
            share = position - low
            count[low] += 1 - share
            count[low + 1] += share
            total[low] += (1 - share) * target[i]
            total[low + 1] += share * target[i]
            m += 1
    return count, total


@compiled
def _predict(
    values: np.ndarray, target: np.ndarray, inside: np.ndarray, curve: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Predicted minus target, how much the prediction rises with the value, and the sum of the squares."""
    residual, rise = np.empty(values.size), np.empty(values.size)
    unexplained = 0.0
    m = 0
    for i in range(inside.size):
        if inside[i]:
            position = values[m] * (BINS - 1)
            low = min(int(position), BINS - 2)
            step = curve[low + 1] - curve[low]
            residual[m] = curve[low] + step * (position - low) - target[i]
            rise[m] = step * (BINS - 1)
            unexplained += residual[m] ** 2
            m += 1
    return residual, rise, unexplained
