"""One interpolation from a native grid to another, through world coordinates.

Transforms are 4 x 4 matrices from moving world to fixed world, both RAS+ mm. A chain of registrations is a
product of such matrices, so that every series is interpolated once however many steps moved it.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage

from strokeclock.files import replacing
from strokeclock.imaging.compiled import compiled
from strokeclock.imaging.separable import combine, smooth
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
    if inside is not None and not inside.any():
        return Volume(result, affine)
    box = _reached(matrix, volume.shape, shape) if inside is None else _bounds(inside)
    wanted = np.ones_like(result[box], dtype=bool) if inside is None else np.ascontiguousarray(inside[box])
    matrix = matrix @ _shift(box)
    # Only the part of the volume around the wanted voxels is smoothed.
    near = tuple(
        slice(max(side.start - margin, 0), side.stop + margin)
        for side, margin in zip(
            _reached(np.linalg.inv(matrix), wanted.shape, volume.shape),
            np.ceil(4 * sigma + 1).astype(int),
            strict=True,
        )
    )
    part = np.ascontiguousarray(smooth(volume.data[near], sigma, mode="nearest"), dtype=np.float32)
    result[box] = _interpolate(part, np.linalg.inv(_shift(near)) @ matrix, wanted)
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
        data = combine(data, weights, axis)
    return data


def _reached(
    matrix: np.ndarray, volume_shape: tuple[int, int, int], shape: tuple[int, int, int]
) -> tuple[slice, slice, slice]:
    """The box of target voxels that the volume's field of view can reach; ``matrix``: target to volume."""
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in volume_shape], [1.0])).reshape(4, -1)
    target = (np.linalg.inv(matrix) @ corners)[:3]
    low, high = np.floor(target.min(axis=1)), np.ceil(target.max(axis=1)) + 1
    bounds = np.clip([low, high], 0, shape).astype(int).T
    x, y, z = (slice(*bound) for bound in bounds)
    return x, y, z


def _bounds(inside: np.ndarray) -> tuple[slice, slice, slice]:
    """The smallest box that holds all voxels of a mask."""
    columns = np.any(inside, axis=2)
    shown = np.any(columns, axis=1), np.any(columns, axis=0), np.any(inside, axis=(0, 1))
    x, y, z = (slice(int(one.argmax()), one.size - int(one[::-1].argmax())) for one in shown)
    return x, y, z


def _shift(box: tuple[slice, ...]) -> np.ndarray:
    """Voxel in a box to voxel in its volume, (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, 3] = [side.start for side in box]
    return matrix


@compiled
def _interpolate(data: np.ndarray, matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Values at the wanted voxels of a grid, 0 at the others; ``matrix``: the grid's voxel to the data's."""
    result = np.zeros(wanted.shape, dtype=np.float32)
    nx, ny, nz = data.shape
    for i in range(wanted.shape[0]):
        for j in range(wanted.shape[1]):
            for k in range(wanted.shape[2]):
                if not wanted[i, j, k]:
                    continue
                x = matrix[0, 0] * i + matrix[0, 1] * j + matrix[0, 2] * k + matrix[0, 3]
                y = matrix[1, 0] * i + matrix[1, 1] * j + matrix[1, 2] * k + matrix[1, 3]
                z = matrix[2, 0] * i + matrix[2, 1] * j + matrix[2, 2] * k + matrix[2, 3]
                # A voxel has thickness: half a voxel beyond the outermost centres is in the field of view.
                if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5 and -0.5 <= z <= nz - 0.5):
                    continue
                x, y, z = min(max(x, 0.0), nx - 1.0), min(max(y, 0.0), ny - 1.0), min(max(z, 0.0), nz - 1.0)
                a, b, c = int(x), int(y), int(z)
                a1, b1, c1 = min(a + 1, nx - 1), min(b + 1, ny - 1), min(c + 1, nz - 1)
                x, y, z = x - a, y - b, z - c
                result[i, j, k] = (1 - x) * (
                    (1 - y) * ((1 - z) * data[a, b, c] + z * data[a, b, c1])
                    + y * ((1 - z) * data[a, b1, c] + z * data[a, b1, c1])
                ) + x * (
                    (1 - y) * ((1 - z) * data[a1, b, c] + z * data[a1, b, c1])
                    + y * ((1 - z) * data[a1, b1, c] + z * data[a1, b1, c1])
                )
    return result


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
    inside = mask.data > 0
    if not inside.any():
        return Volume(np.zeros(shape, dtype=np.float32), affine)
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in _bounds(inside))
    corner = mask.affine @ _shift(box)
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
