"""One interpolation from a native grid to another, through world coordinates.

Transforms are 4 x 4 matrices from moving world to fixed world, both RAS+ mm. A chain of registrations is a
product of such matrices, so that every series is interpolated once however many steps moved it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from strokeclock.files import replacing
from strokeclock.imaging.volume import Volume

FWHM = 2.3548  # of a Gaussian with standard deviation 1


def resample(
    volume: Volume,
    *,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    transform: np.ndarray | None = None,
    inside: np.ndarray | None = None,
) -> Volume:
    """Carry a volume onto a grid by linear interpolation; 0 outside its field of view.

    Where the grid is coarser than the volume along an axis, the volume is first smoothed along that axis by
    the Gaussian that brings its voxel to the grid's (FWHM² = grid² - voxel²): a thick target slice then
    averages all the thin ones that it covers, and nothing is smoothed where the grid is finer.

    Parameters
    ----------
    volume : Volume
    shape, affine : of the target grid
    transform : (4, 4), optional
        The volume's world to the target's world, mm. Identity if not given.
    inside : bool array of ``shape``, optional
        Target voxels to compute; the others become 0.
    """
    to_moving = np.eye(4) if transform is None else np.linalg.inv(transform)
    matrix = np.linalg.inv(volume.affine) @ to_moving @ affine  # target voxel to volume voxel
    step = np.abs(np.diag(matrix)[:3])  # both in RAS+ order, so axis i corresponds to axis i
    sigma = np.sqrt(np.maximum(step**2 - 1, 0)) / FWHM
    if np.allclose(matrix[:3, :3], np.diag(np.diag(matrix)[:3]), rtol=0, atol=1e-9):
        data = _along_axes(volume.data, shape, np.diag(matrix)[:3], matrix[:3, 3], sigma)
        return Volume(data if inside is None else data * inside, affine)

    result = np.zeros(shape, dtype=np.float32)
    if inside is None:
        box = _reached(matrix, volume.shape, shape)
        axes = np.ix_(*(np.arange(s.start, s.stop, dtype=np.float32) for s in box))
        result[box] = _interpolate(volume.data, matrix.astype(np.float32), axes, sigma)
    else:
        voxels = np.nonzero(inside)
        indices = [index.astype(np.float32) for index in voxels]
        result[voxels] = _interpolate(volume.data, matrix.astype(np.float32), indices, sigma)
    return Volume(result, affine)


def _along_axes(
    data: np.ndarray, shape: tuple[int, int, int], step: np.ndarray, first: np.ndarray, sigma: np.ndarray
) -> np.ndarray:
    """Smoothing and interpolation between grids whose axes are parallel: one small matrix an axis.

    Target voxel i lies at ``step * i + first`` along its axis of the volume.
    """
    # The axis that shrinks most comes first, because the others are then faster.
    for axis in np.argsort(np.array(shape) / data.shape):
        n = data.shape[axis]
        coordinate = step[axis] * np.arange(shape[axis]) + first[axis]
        low = np.clip(np.floor(coordinate), 0, max(n - 2, 0)).astype(int)
        share = np.clip(coordinate - low, 0, 1) if n > 1 else np.zeros(len(low))
        within = (coordinate >= -0.5) & (coordinate <= n - 0.5)
        rows = np.arange(len(low))
        weights = np.zeros((len(low), n))
        weights[rows, low] = within * (1 - share)
        weights[rows, np.minimum(low + 1, n - 1)] += within * share
        if sigma[axis]:
            weights = weights @ ndimage.gaussian_filter1d(np.eye(n), sigma[axis], axis=0, mode="nearest")
        if axis == 0:
            data = (weights @ data.reshape(n, -1)).reshape(-1, *data.shape[1:])
        else:
            data = weights @ data if axis == 1 else data @ weights.T
    return data.astype(np.float32)  # added in float64: see `alignment.multiply`


def _reached(
    matrix: np.ndarray, volume_shape: tuple[int, int, int], shape: tuple[int, int, int]
) -> tuple[slice, slice, slice]:
    """The box of target voxels that the volume's field of view can reach."""
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in volume_shape], [1.0])).reshape(4, -1)
    target = (np.linalg.inv(matrix) @ corners)[:3]
    low, high = np.floor(target.min(axis=1)), np.ceil(target.max(axis=1)) + 1
    bounds = np.clip([low, high], 0, shape).astype(int).T
    x, y, z = (slice(*bound) for bound in bounds)
    return x, y, z


def _interpolate(
    data: np.ndarray, matrix: np.ndarray, axes: Sequence[np.ndarray], sigma: np.ndarray
) -> np.ndarray:
    """Values of the smoothed data at target voxels, whose indices along x, y and z broadcast together."""
    x, y, z = axes
    points = np.stack([(row[0] * x + row[1] * y) + (row[2] * z + row[3]) for row in matrix[:3]])
    if not points.size:
        return points[0]
    # Only the part of the data around the points is smoothed.
    flat = points.reshape(3, -1)
    margin = np.ceil(4 * sigma + 1)
    low = np.clip(np.floor(flat.min(axis=1)) - margin, 0, np.array(data.shape) - 1).astype(int)
    high = np.clip(np.ceil(flat.max(axis=1)) + margin + 1, 1, data.shape).astype(int)
    # A voxel has thickness: half a voxel beyond the outermost centres still belongs to the field of view.
    outside = np.zeros(points.shape[1:], dtype=bool)
    for coordinate, n in zip(points, data.shape, strict=True):
        outside |= (coordinate < -0.5) | (coordinate > n - 0.5)
    near = data[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    if sigma.any():
        near = ndimage.gaussian_filter(near, sigma, mode="nearest")
    flat -= low[:, None].astype(np.float32)
    values = ndimage.map_coordinates(near, points, order=1, mode="nearest", prefilter=False)
    values[outside] = 0
    return values


def resample_mask(
    mask: Volume,
    *,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    transform: np.ndarray | None = None,
) -> Volume:
    """Carry a mask (0 or 1) onto a grid: 1 where at least half of the interpolated mask covers the voxel."""
    covered = resample_share(mask, shape=shape, affine=affine, transform=transform)
    return Volume((covered.data >= 0.5).astype(np.float32), affine)


def resample_share(
    mask: Volume,
    *,
    shape: tuple[int, int, int],
    affine: np.ndarray,
    transform: np.ndarray | None = None,
) -> Volume:
    """Carry a mask (0 or 1) onto a grid: the share, 0 to 1, of each voxel that the mask covers."""
    found = ndimage.find_objects((mask.data > 0).view(np.int8))
    box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in found[0]) if found else np.s_[:, :, :]
    corner = mask.affine.copy()
    corner[:3, 3] += mask.affine[:3, :3] @ [s.start or 0 for s in box]
    part = Volume(mask.data[box], corner)  # the brain is a small part of a head: the rest is left out
    return resample(part, shape=shape, affine=affine, transform=transform)


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


def write_transform(path: str | Path, transform: np.ndarray) -> None:
    """Write a 4 x 4 matrix (moving world to fixed world, RAS+ mm) as text, whole or not at all."""
    with replacing(path) as beside:
        np.savetxt(beside, transform, fmt="%.8f")
