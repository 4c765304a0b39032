"""FLAIR to T2w (b0): a rigid registration that predicts the FLAIR from b0 and DWI together.

The scalp is dark in echo-planar images and bright in FLAIR, so only points inside the b0 brain mask count,
clear of its border. No curve leads from b0 alone to FLAIR, where fluid is dark and oedema bright; the mean
FLAIR of each joint bin of b0 and DWI does. The residual is FLAIR minus its bin's mean; six parameters, 6 and
3 mm, six starts.
"""

import logging

import numpy as np
from scipy import ndimage

from strokeclock.imaging.affine import foreground, scaled
from strokeclock.imaging.alignment import (
    ROTATIONS,
    Sampler,
    choose_points,
    descend,
    distance,
    isotropic,
    rotation,
)
from strokeclock.imaging.volume import Volume

log = logging.getLogger(__name__)

T2W_BINS, DWI_BINS = 24, 12
COARSE, FINE = 6.0, 3.0  # mm
TILT = 15.0  # degrees
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
    moving = isotropic(flair, FINE)
    moving = Volume(scaled(moving.data), moving.affine)
    fixed = [isotropic(volume, FINE) for volume in (t2w, dwi, brain_mask)]

    level = _Level.of(moving, *fixed, spacing=COARSE)
    results = [level.descend(pose, iterations=12) for pose in _starts(moving, fixed[2])]
    results.sort(key=lambda result: result[1])
    kept = results[:1]
    kept += [r for r in results if distance(r[0], kept[0][0], level.points) > DISTINCT][:1]

    level = _Level.of(moving, *fixed, spacing=FINE)
    pose, cost = min((level.descend(pose, iterations=12) for pose, _ in kept), key=lambda r: r[1])
    log.info("rigid: correlation ratio %.3f", 1 - cost)
    return np.linalg.inv(pose)


def _starts(moving: Volume, mask: Volume) -> list[np.ndarray]:
    """As the scanner says, once upright and twice nodding; then centre on centre, upright and turned."""
    brain = mask.affine[:3, :3] @ np.argwhere(mask.data > 0.5).mean(axis=0) + mask.affine[:3, 3]
    head = np.array(ndimage.center_of_mass(foreground(moving.data)))
    head = moving.affine[:3, :3] @ head + moving.affine[:3, 3]
    poses = []
    for tilt, target in (
        ({}, brain),
        ({"pitch": TILT}, brain),
        ({"pitch": -TILT}, brain),
        ({}, head),
        ({"yaw": TILT}, head),
        ({"yaw": -TILT}, head),
    ):
        pose = np.eye(4)
        pose[:3, :3] = rotation(**tilt)
        pose[:3, 3] = target - pose[:3, :3] @ brain
        poses.append(pose)
    return poses


class _Level:
    """One resolution: the points inside the brain, the joint bin of each, the FLAIR blurred to match."""

    def __init__(self, points: np.ndarray, bins: np.ndarray, sampler: Sampler):
        self.points, self.bins, self.sampler = points, bins, sampler

    @classmethod
    def of(cls, moving: Volume, t2w: Volume, dwi: Volume, mask: Volume, *, spacing: float) -> "_Level":
        t2w, dwi, mask, moving = (
            v if spacing == FINE else isotropic(v, spacing) for v in (t2w, dwi, mask, moving)
        )
        index = choose_points(ndimage.binary_erosion(mask.data >= 0.5)).T
        points = (mask.affine[:3, :3] @ index + mask.affine[:3, 3:]).astype(np.float32)
        t2w, dwi = (volume.data[tuple(index)] for volume in (t2w, dwi))
        bins = _bin(t2w, T2W_BINS) * DWI_BINS + _bin(dwi, DWI_BINS)
        return cls(points, bins, Sampler(moving))

    def descend(self, pose: np.ndarray, *, iterations: int) -> tuple[np.ndarray, float]:
        return descend(
            pose,
            points=self.points,
            sampler=self.sampler,
            fit=self._fit,
            generators=ROTATIONS,
            iterations=iterations,
        )

    def _fit(self, values: np.ndarray, inside: np.ndarray):
        """Cost: the FLAIR variance left unexplained; points outside its field of view explain none."""
        if values.size < 0.2 * inside.size:
            return np.inf, None
        bins = self.bins[inside]
        count = np.maximum(np.bincount(bins, minlength=T2W_BINS * DWI_BINS), 1)

        def centred(x):
            return x - (np.bincount(bins, x, minlength=count.size) / count).astype(np.float32)[bins]

        residual = centred(values)
        share = float(residual @ residual) / (values.size * float(values.var()))
        outside = 1 - values.size / inside.size
        # The bins' means move with the pose: their share of the Jacobian is taken out too.
        return share * (1 - outside) + outside, lambda jacobian: (
            np.stack([centred(row) for row in jacobian]),
            residual,
        )


def _bin(values: np.ndarray, bins: int) -> np.ndarray:
    """Which of ``bins`` equal steps from 0 to the 99th percentile each point's value falls in."""
    return np.clip(values / np.percentile(values, 99) * bins, 0, bins - 1).astype(np.int32)
