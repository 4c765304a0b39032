"""Common parts of the affine and the rigid registration: Gauss-Newton steps, and sampling with gradients.

A pose is a 4 x 4 matrix from fixed world to moving world (mm): it maps a point of the fixed volume to the
place where the moving volume is sampled. Its inverse is the transform that `resample` takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume

_E = np.eye(3)
ROTATIONS = [np.cross(axis, _E).T for axis in _E]  # about x, y, z
SCALING = [np.eye(3)]
AXIS_SCALINGS = [np.diag(axis) for axis in _E]
STRETCHES = [np.outer(_E[i], _E[j]) for i in range(3) for j in range(3)]
RADIUS = 70.0  # mm, of a brain: a unit of rotation or stretch then moves its surface by 1 mm, like a shift
MOST = 30_000  # points of one level: more cost time and change a pose by some hundredths of a millimetre
LONGEST = 30.0  # mm, of a single step
NEAR = 0.02  # mm: a pose that is only compared, or goes on at a finer level
# mm: a pose that is kept. With `NEAR`, rounding decided where a descent ended, and the poses of two
# processors differed by up to 0.1 mm.
CONVERGED, MOST_STEPS = 0.002, 40


# Of the moving values (m,) and which points lie inside (n,): the cost, and what linearises it (None: no point
# lies inside) from the values' Jacobian (p, m) to the Jacobian and the residual (m,) of what is squared.
Linearise = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Fit = Callable[[np.ndarray, np.ndarray], tuple[float, Linearise | None]]


@dataclass(frozen=True)
class Sampler:
    """A moving volume that is sampled at world points."""

    volume: Volume

    def voxels(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Voxel coordinates (3, n) of world points (3, n), and which lie inside the field of view."""
        voxel = move(np.linalg.inv(self.volume.affine), world)
        last = np.array(self.volume.shape, dtype=np.float32)[:, None] - 0.5
        return voxel, np.all((voxel >= -0.5) & (voxel <= last), axis=0)

    def look_up(self, voxel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (n,) by linear interpolation, and their exact gradient (3, n) in world, per mm."""
        shape = self.volume.shape
        low = np.clip(voxel.astype(np.int32), 0, np.array(shape)[:, None] - 2)
        x, y, z = np.clip(voxel - low, 0, 1).astype(np.float32)
        strides = np.array([shape[1] * shape[2], shape[2], 1])
        first = strides @ low
        flat = np.ascontiguousarray(self.volume.data).ravel()

        def along_z(offset: int) -> tuple[np.ndarray, np.ndarray]:
            near = flat[first + offset]
            rise = flat[first + (offset + 1)] - near
            return near + z * rise, rise

        def along_y(offset: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            (near, near_rise), (far, far_rise) = along_z(offset), along_z(offset + shape[2])
            rise = far - near
            return near + y * rise, rise, near_rise + y * (far_rise - near_rise)

        near, far = along_y(0), along_y(int(strides[0]))
        rise = far[0] - near[0]
        slopes = np.stack([rise, *(n + x * (f - n) for n, f in zip(near[1:], far[1:], strict=True))])
        return near[0] + x * rise, multiply(np.linalg.inv(self.volume.affine[:3, :3]).T, slopes)


# Processors add the products of float32 in different orders. Added in float64 and rounded, they are the same.
def multiply(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The product of a matrix (m, k) and float32 rows (k, n), float32 (m, n)."""
    return (matrix @ rows.astype(np.float64)).astype(np.float32)


def move(pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (3, n) moved by an affine matrix (4, 4), float32."""
    return (pose[:3, :3] @ points.astype(np.float64) + pose[:3, 3:]).astype(np.float32)


def coarsen(volume: Volume, spacing: float) -> Volume:
    """The volume at about ``spacing`` mm along the axes that are finer; the same field of view.

    Thicker slices stay: more of them would add no information. Whole voxels are averaged first, which is
    fast and smooths; the rest of the factor is interpolated.
    """
    shape = np.maximum(np.rint(volume.spacing * volume.shape / spacing), 4).astype(int)
    shape = tuple(np.minimum(shape, volume.shape))
    scale = np.array(volume.shape) / shape
    affine = volume.affine @ np.diag([*scale, 1.0])
    affine[:3, 3] = volume.affine[:3, :3] @ ((scale - 1) / 2) + volume.affine[:3, 3]
    return resample(_averaged(volume, scale.astype(int)), shape=shape, affine=affine)


def _averaged(volume: Volume, factors: np.ndarray) -> Volume:
    """Blocks of ``factors`` voxels averaged; along an axis that they do not divide the edge voxel repeats."""
    data, affine = volume.data, volume.affine.copy()
    for axis, factor in enumerate(factors):
        if factor > 1:
            missing = -data.shape[axis] % factor
            data = np.pad(data, [(0, missing * (a == axis)) for a in range(3)], mode="edge")
            every = [data[(slice(None),) * axis + (slice(first, None, factor),)] for first in range(factor)]
            data = sum(every[1:], every[0]) / np.float32(factor)
            affine[:3, 3] += affine[:3, axis] * (factor - 1) / 2
            affine[:3, axis] *= factor
    return Volume(data, affine)


def choose_points(near: np.ndarray) -> np.ndarray:
    """Indices (n, 3) of the voxels of a mask, or of MOST of them at random, always the same."""
    index = np.argwhere(near)
    if len(index) > MOST:
        index = index[np.sort(np.random.default_rng(0).choice(len(index), MOST, replace=False))]
    return index


def rotation(*, pitch: float = 0, roll: float = 0, yaw: float = 0) -> np.ndarray:
    """Rotation (3, 3) about x (pitch), y (roll) and z (yaw), degrees."""
    return _exponential(sum(np.deg2rad(a) * g for a, g in zip((pitch, roll, yaw), ROTATIONS, strict=True)))


def tilts(degrees: float) -> list[dict[str, float]]:
    """Upright, and tilted either way about each axis: arguments of `rotation`."""
    return [{}] + [{axis: sign * degrees} for axis in ("pitch", "roll", "yaw") for sign in (1, -1)]


def start(tilt: dict[str, float], *, fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The pose that tilts and takes a fixed point (3,) to a moving one, world mm."""
    pose = np.eye(4)
    pose[:3, :3] = rotation(**tilt)
    pose[:3, 3] = moving - pose[:3, :3] @ fixed
    return pose


def descend(
    pose: np.ndarray,
    *,
    points: np.ndarray,
    sampler: Sampler,
    fit: Fit,
    generators: list[np.ndarray],
    first: Sequence[np.ndarray] = (),
    iterations: int,
    tolerance: float,
) -> tuple[np.ndarray, float]:
    """Lower the cost of a pose by damped Gauss-Newton (Levenberg) steps.

    Parameters
    ----------
    pose : (4, 4)
        Fixed world to moving world.
    points : float32 (3, n)
        Fixed world points that are compared.
    fit : callable
        Takes the moving values (m,) and which points lie inside (n,); returns the cost, and a function that
        turns the Jacobian of the values (p, m) into the Jacobian and the residual (m,) of what is squared.
    generators : list of (3, 3)
        Directions in which the matrix may move, beside the three translations.
    first : sequence of (3, 3)
        Further directions, along the fixed axes: applied before the matrix, not after it.
    tolerance : float
        Stop once a step moves the brain's surface by less (mm).
    """
    centre = points.mean(axis=1, dtype=np.float64)

    def evaluate(pose: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, Linearise | None]:
        moved = move(pose, points)
        voxel, inside = sampler.voxels(moved)
        voxel = voxel[:, inside]
        values, slopes = sampler.look_up(voxel)
        return moved[:, inside], slopes, *fit(values, inside)

    moved, slopes, cost, linearise = evaluate(pose)
    damping, hessian = 1e-2, None
    for _ in range(iterations):
        if linearise is None or not np.isfinite(cost):
            break  # the start lies outside the field of view
        if hessian is None:
            pivot = pose[:3, :3] @ centre + pose[:3, 3]
            arm = (moved - pivot[:, None].astype(np.float32)) / np.float32(RADIUS)
            linear = pose[:3, :3]
            directions = [*generators, *(linear @ g @ np.linalg.inv(linear) for g in first)]
            turned = multiply(np.array(directions).reshape(-1, 9), (slopes[:, None] * arm).reshape(9, -1))
            jacobian, residual = (part.astype(np.float64) for part in linearise(np.vstack([slopes, turned])))
            hessian, descent = jacobian @ jacobian.T, -(jacobian @ residual)
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian) + 1e-9), descent)
        step *= min(1, LONGEST / np.abs(step).max())
        parts = [s / RADIUS * g for s, g in zip(step[3:], (*generators, *first), strict=True)]
        after, before = sum(parts[: len(generators)]), sum(parts[len(generators) :], np.zeros((3, 3)))
        trial = np.eye(4)
        trial[:3, :3] = _exponential(after) @ pose[:3, :3] @ _exponential(before)
        trial[:3, 3] = pivot + step[:3] - trial[:3, :3] @ centre
        candidate = evaluate(trial)
        if candidate[2] < cost:
            pose, hessian, damping = trial, None, damping / 4
            moved, slopes, cost, linearise = candidate
        else:
            damping *= 8
        if np.abs(step).max() < tolerance or damping > 1e4:
            break
    return pose, cost


def _exponential(matrix: np.ndarray) -> np.ndarray:
    """Matrix exponential of a small (3, 3) by its series; scipy's takes a hundred times as long."""
    result = term = np.eye(3)
    for k in range(1, 16):
        term = term @ matrix / k
        result = result + term
    return result


def distance(a: np.ndarray, b: np.ndarray, points: np.ndarray) -> float:
    """Mean distance in mm between the points (3, n) as two poses map them."""
    return float(np.linalg.norm((a - b)[:3, :3] @ points + (a - b)[:3, 3:], axis=0).mean())
