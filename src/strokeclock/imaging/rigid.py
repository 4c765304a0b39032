"""FLAIR to T2w (b0): a rigid registration that predicts the FLAIR from b0 and DWI together.

The scalp is dark in echo-planar images and bright in FLAIR, so only points inside the b0 brain mask are used,
clear of its border. b0 alone cannot predict FLAIR, where fluid is dark and oedema bright; the mean FLAIR of
each joint bin of b0 and DWI can. The residual is FLAIR minus its bin's mean, and each bin has its own
variance: the less a tissue varies, the more weight it has. Thick slices are left as they are, because there
are no data between them. There are six parameters. Of fourteen starts at 8 mm the best five go on after five
steps, and the best two distinct results go on at 2 mm.
"""

import logging

import numpy as np
from scipy import ndimage

from strokeclock.imaging.affine import foreground, scaled
from strokeclock.imaging.alignment import (
    CONVERGED,
    MOST_STEPS,
    NEAR,
    ROTATIONS,
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
from strokeclock.imaging.mask import ball
from strokeclock.imaging.separable import smooth
from strokeclock.imaging.volume import Volume

log = logging.getLogger(__name__)

T2W_BINS, DWI_BINS = 24, 12
COARSE, FINE = 8.0, 2.0  # mm
BLUR = 5.0  # mm, SD of the Gaussian on the coarse FLAIR: without it a start 10 mm off does not converge
# Weight, in points, of the pooled variance in each bin's variance. At 8 mm all bins share one variance: a bin
# that happens to vary little would keep the pose where it is.
PRIOR = {COARSE: 1e9, FINE: 5.0}
TILT = 30.0  # degrees
DISTINCT = 3.0  # mm


def register_rigid(flair: Volume, t2w: Volume, dwi: Volume, brain_mask: Volume) -> np.ndarray:
    """Find the rigid transform of FLAIR to T2w.

    Parameters
    ----------
    flair : Volume
        Whole head or stripped.
    t2w, dwi, brain_mask : Volume
        On one grid.

    Returns
    -------
    (4, 4)
        FLAIR world to T2w world, RAS+ mm; a rotation and a shift.
    """
    moving = coarsen(flair, FINE)
    moving = Volume(scaled(moving.data), moving.affine)
    fixed = [coarsen(volume, FINE) for volume in (t2w, dwi, brain_mask)]

    level = _Level.of(moving, *fixed, spacing=COARSE)
    poses = _starts(moving, fixed[2])
    near = sorted((level.descend(p, iterations=5) for p in poses), key=lambda result: result[1])
    results = sorted((level.converge(pose) for pose, _ in near[:5]), key=lambda result: result[1])
    kept = results[:1]
    kept += [r for r in results if distance(r[0], kept[0][0], level.points) > DISTINCT][:1]

    level = _Level.of(moving, *fixed, spacing=FINE)
    pose, cost = min((level.converge(pose) for pose, _ in kept), key=lambda result: result[1])
    log.info("rigid: share of the FLAIR variance not explained %.3f", cost)
    return np.linalg.inv(pose)


def _starts(moving: Volume, mask: Volume) -> list[np.ndarray]:
    """In the scanner's coordinates and centre on centre, upright and tilted either way about each axis."""
    brain = mask.affine[:3, :3] @ np.argwhere(mask.data > 0.5).mean(axis=0) + mask.affine[:3, 3]
    head = np.array(ndimage.center_of_mass(foreground(moving.data)))
    head = moving.affine[:3, :3] @ head + moving.affine[:3, 3]
    return [start(tilt, fixed=brain, moving=place) for place in (brain, head) for tilt in tilts(TILT)]


class _Level:
    """One resolution: the points inside the brain, the joint bin of each, the FLAIR blurred to match."""

    def __init__(self, points: np.ndarray, bins: np.ndarray, sampler: Sampler, *, prior: float):
        self.points, self.bins, self.sampler, self.prior = points, bins, sampler, prior

    @classmethod
    def of(cls, moving: Volume, t2w: Volume, dwi: Volume, mask: Volume, *, spacing: float) -> "_Level":
        t2w, dwi, mask, moving = (
            v if spacing == FINE else coarsen(v, spacing) for v in (t2w, dwi, mask, moving)
        )
        if spacing == COARSE:
            moving = Volume(smooth(moving.data, BLUR / moving.spacing), moving.affine)
        index = choose_points(ndimage.binary_erosion(mask.data >= 0.5, ball(1.5 * spacing, mask.spacing))).T
        points = (mask.affine[:3, :3] @ index + mask.affine[:3, 3:]).astype(np.float32)
        of_t2w, of_dwi = (volume.data[tuple(index)] for volume in (t2w, dwi))
        bins = _bin(of_t2w, T2W_BINS) * DWI_BINS + _bin(of_dwi, DWI_BINS)
        return cls(points, bins, Sampler(moving), prior=PRIOR[spacing])

    def converge(self, pose: np.ndarray) -> tuple[np.ndarray, float]:
        return self.descend(pose, iterations=MOST_STEPS, tolerance=CONVERGED)

    def descend(
        self, pose: np.ndarray, *, iterations: int, tolerance: float = NEAR
    ) -> tuple[np.ndarray, float]:
        return descend(
            pose,
            points=self.points,
            sampler=self.sampler,
            fit=self._fit,
            generators=ROTATIONS,
            iterations=iterations,
            tolerance=tolerance,
        )

    def _fit(self, values: np.ndarray, inside: np.ndarray) -> tuple[float, Linear | None]:
        """Cost: the geometric mean over the points of their bin's share of the FLAIR variance, 1 outside."""
        if values.size < 0.2 * inside.size or not values.any():
            return np.inf, None
        bins, count, residual, squares, total = _centre(values, self.bins, inside)
        pooled = squares.sum() / values.size
        variance = (squares + self.prior * pooled) / (count + self.prior)
        likelihood = float(count @ np.log(variance * values.size / total))
        weight = np.sqrt(pooled / variance)[bins]
        # The bins' means move with the pose: their share of the Jacobian is taken out too.
        return np.exp(likelihood / inside.size), Linear(residual * weight, weight, bins)


@compiled
def _centre(
    values: np.ndarray, bins: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Values minus their bin's mean.

    Returns
    -------
    bins : int64 (m,)
        Of the points inside.
    count : float64 (bins,)
    residual : float64 (m,)
    squares : float64 (bins,)
        Sums of the squared residuals.
    total : float
        Sum of the squared differences to the mean of all.
    """
    found = np.empty(values.size, dtype=np.int64)
    number = T2W_BINS * DWI_BINS
    count, means, squares = np.zeros(number), np.zeros(number), np.zeros(number)
    residual = np.empty(values.size)
    mean, total = values.mean(), 0.0
    m = 0
    for i in range(inside.size):
        if inside[i]:
            found[m] = bins[i]
            count[bins[i]] += 1
            means[bins[i]] += values[m]
            total += (values[m] - mean) ** 2
            m += 1
    means /= np.maximum(count, 1)
    for m in range(values.size):
        residual[m] = values[m] - means[found[m]]
        squares[found[m]] += residual[m] ** 2
    return found, count, residual, squares, total


def _bin(values: np.ndarray, bins: int) -> np.ndarray:
    """Which of ``bins`` equal steps from 0 to the 99th percentile each point's value falls in."""
    return np.clip(values / np.percentile(values, 99) * bins, 0, bins - 1).astype(np.int32)
