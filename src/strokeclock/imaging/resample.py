"""One interpolation from a native grid to another, through world coordinates.

Transforms are 4 x 4 matrices from moving world to fixed world, both RAS+ mm. A chain of registrations is a
product of such matrices, so that every series is interpolated once however many steps moved it.
"""

import os
from pathlib import Path

import numpy as np
from scipy import ndimage

from strokeclock.imaging.volume import Volume

FWHM = 2.3548  # of a Gaussian with standard deviation 1


def resample(
    volume: Volume,
    *,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    transform: np.ndarray | None = None,
) -> Volume:
    """Carry a volume onto a grid by linear interpolation; 0 outside its field of view.

    Where the grid is coarser than the volume along an axis, the volume is first smoothed along that axis by
    the Gaussian that brings its voxel to the grid's (FWHM² = grid² - voxel²): a thick target slice then sees
    all the thin ones that it covers, and nothing is smoothed where the grid is finer.

    Parameters
    ----------
    volume : Volume
    shape, affine : of the target grid
    transform : (4, 4), optional
        The volume's world to the target's world, mm. Identity if not given.
    """
    to_moving = np.eye(4) if transform is None else np.linalg.inv(transform)
    matrix = np.linalg.inv(volume.affine) @ to_moving @ affine  # target voxel to volume voxel
    step = np.abs(np.diag(matrix)[:3])  # both in RAS+ order, so axis i meets axis i
    sigma = np.sqrt(np.maximum(step**2 - 1, 0)) / FWHM
    data = ndimage.gaussian_filter(volume.data, sigma, mode="nearest") if sigma.any() else volume.data

    # A voxel has thickness: half a voxel beyond the outermost centres still belongs to the field of view.
    axes = [np.arange(n, dtype=np.float32) for n in shape]
    coordinates = np.empty((3, *shape), dtype=np.float32)
    outside = np.zeros(shape, dtype=bool)
    for i in range(3):
        m = matrix[i].astype(np.float32)
        plane = m[0] * axes[0][:, None] + m[1] * axes[1]
        np.add(plane[:, :, None], m[2] * axes[2] + m[3], out=coordinates[i])
        outside |= (coordinates[i] < -0.5) | (coordinates[i] > volume.shape[i] - 0.5)
    result = ndimage.map_coordinates(data, coordinates, order=1, mode="nearest", prefilter=False)
    result[outside] = 0
    return Volume(result, affine)


def resample_mask(
    mask: Volume,
    *,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    transform: np.ndarray | None = None,
) -> Volume:
    """Carry a mask (0 or 1) onto a grid: 1 where at least half of the interpolated mask covers the voxel."""
    covered = resample(mask, shape=shape, affine=affine, transform=transform)
    return Volume((covered.data >= 0.5).astype(np.float32), affine)


def fit_grid(volume: Volume, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the affine of the RAS grid of ``shape`` that covers the volume's field of view, edge to edge.

    The x axis is symmetric about 0: with an even number of columns the mid-sagittal plane lies exactly
    between columns nx/2 - 1 and nx/2. Where the volume's field of view is not symmetric, the wider side
    decides.
    """
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in volume.shape], [1.0])).reshape(4, -1)
    world = (volume.affine @ corners)[:3]
    low, high = world.min(axis=1), world.max(axis=1)
    high[0] = max(-low[0], high[0])
    low[0] = -high[0]
    spacing = (high - low) / shape
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low + spacing / 2
    return affine


def write_transform(path: str | os.PathLike, transform: np.ndarray) -> None:
    """Write a 4 x 4 matrix (moving world to fixed world, RAS+ mm) as text, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    np.savetxt(beside, transform, fmt="%.8f")
    os.replace(beside, path)
