"""Common parts of the affine and the rigid registration: Gauss-Newton steps, and sampling with gradients.

A pose is a 4 x 4 matrix from fixed world to moving world (mm): it maps a point of the fixed volume to the
place where the moving volume is sampled. Its inverse is the transform that `resample` takes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from strokeclock.imaging.compiled import compiled
from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume

_E = np.eye(3)
_NONE = np.empty(0, dtype=np.int64)
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


class Linear(NamedTuple):
    """What is squared, near a pose: ``residual + weight · (change of the value - its group's mean change)``.

    Attributes
    ----------
    residual, weight : float64 (m,)
        Of the points that lie inside.
    groups : int64 (m,)
        The group of each point; all points of a group have one weight. None: nothing is subtracted.
    """

    residual: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None = None


# Of the moving values (m,) and which points lie inside (n,): the cost, and what is squared, or None where too
# few points lie inside.
Fit = Callable[[np.ndarray, np.ndarray], tuple[float, Linear | None]]


class Sampler:
    """A moving volume that is sampled at world points."""

    def __init__(self, volume: Volume):
        self._data = np.ascontiguousarray(volume.data)
        self._to_voxel = np.linalg.inv(volume.affine)

    def look_up(self, pose: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sample where a pose takes points, by linear interpolation.

        Parameters
        ----------
        pose : (4, 4)
            World of the points to world of the volume.
        points : float32 (3, n)

        Returns
        -------
        values : float64 (m,)
            Of the points that lie inside the field of view.
        slopes : float64 (m, 3)
            Their exact gradients in the volume's world, per mm.
        inside : bool (n,)
        """
        return _look_up(self._data, self._to_voxel @ pose, self._to_voxel[:3, :3], points)


@compiled
def _look_up(
    data: np.ndarray, matrix: np.ndarray, to_voxel: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point to voxel by ``matrix`` (4, 4); slopes along voxels to slopes along the world by ``to_voxel``."""
    n = points.shape[1]
    values, slopes, inside = np.empty(n), np.empty((n, 3)), np.zeros(n, dtype=np.bool_)
    nx, ny, nz = data.shape
    m = 0
    for i in range(n):
        p, q, r = points[0, i], points[1, i], points[2, i]
        x = matrix[0, 0] * p + matrix[0, 1] * q + matrix[0, 2] * r + matrix[0, 3]
        y = matrix[1, 0] * p + matrix[1, 1] * q + matrix[1, 2] * r + matrix[1, 3]
        z = matrix[2, 0] * p + matrix[2, 1] * q + matrix[2, 2] * r + matrix[2, 3]
        if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5 and -0.5 <= z <= nz - 0.5):
            continue
        a, b, c = min(max(int(x), 0), nx - 2), min(max(int(y), 0), ny - 2), min(max(int(z), 0), nz - 2)
        x, y, z = min(max(x - a, 0.0), 1.0), min(max(y - b, 0.0), 1.0), min(max(z - c, 0.0), 1.0)
        # along z at the four edges, then along y on the two faces, then along x
        rise00 = np.float64(data[a, b, c + 1]) - data[a, b, c]
        rise01 = np.float64(data[a, b + 1, c + 1]) - data[a, b + 1, c]
        rise10 = np.float64(data[a + 1, b, c + 1]) - data[a + 1, b, c]
        rise11 = np.float64(data[a + 1, b + 1, c + 1]) - data[a + 1, b + 1, c]
        edge00, edge01 = data[a, b, c] + z * rise00, data[a, b + 1, c] + z * rise01
        edge10, edge11 = data[a + 1, b, c] + z * rise10, data[a + 1, b + 1, c] + z * rise11
        rise0, rise1 = edge01 - edge00, edge11 - edge10
        face0, face1 = edge00 + y * rise0, edge10 + y * rise1
        along_z0, along_z1 = rise00 + y * (rise01 - rise00), rise10 + y * (rise11 - rise10)
        values[m] = face0 + x * (face1 - face0)
        along_x, along_y, along_z = (
            face1 - face0,
            rise0 + x * (rise1 - rise0),
            along_z0 + x * (along_z1 - along_z0),
        )
        for axis in range(3):
            slopes[m, axis] = (
                to_voxel[0, axis] * along_x + to_voxel[1, axis] * along_y + to_voxel[2, axis] * along_z
            )
        inside[i] = True
        m += 1
    return values[:m], slopes[:m], inside


@compiled
def weigh(
    points: np.ndarray,
    inside: np.ndarray,
    arm: np.ndarray,
    slopes: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray,
) -> np.ndarray:
    """The Jacobian (m, 12) of what is squared: by a shift, then by the matrix's entries, column by column.

    ``arm`` (3, 4) takes a point to its distance from the pivot in units of RADIUS. With ``groups`` the
    mean over its group is subtracted from each row.
    """
    rows = np.empty((weight.size, 12))
    m = 0
    for i in range(inside.size):
        if not inside[i]:
            continue
        for a in range(3):
            rows[m, a] = slopes[m, a] * weight[m]
        for b in range(3):
            reach = arm[b, 0] * points[0, i] + arm[b, 1] * points[1, i] + arm[b, 2] * points[2, i] + arm[b, 3]
            for a in range(3):
                rows[m, 3 + 3 * b + a] = rows[m, a] * reach
        m += 1
    if groups.size:
        means, count = np.zeros((groups.max() + 1, 12)), np.zeros(groups.max() + 1)
        for m in range(groups.size):
            count[groups[m]] += 1
            for a in range(12):
                means[groups[m], a] += rows[m, a]
        for m in range(groups.size):
            for a in range(12):
                rows[m, a] -= means[groups[m], a] / count[groups[m]]
    return rows


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
        Takes the moving values (m,) and which points lie inside (n,); returns the cost and what is squared.
    generators : list of (3, 3)
        Directions in which the matrix may move, beside the three translations.
    first : sequence of (3, 3)
        Further directions, along the fixed axes: applied before the matrix, not after it.
    tolerance : float
        Stop once a step moves the brain's surface by less (mm).
    """
    centre = points.mean(axis=1, dtype=np.float64)

    def evaluate(pose: np.ndarray) -> tuple[float, Linear | None, np.ndarray, np.ndarray]:
        values, slopes, inside = sampler.look_up(pose, points)
        return *fit(values, inside), slopes, inside

    cost, linear, slopes, inside = evaluate(pose)
    damping, hessian = 1e-2, None
    for _ in range(iterations):
        if linear is None or not np.isfinite(cost):
            break  # the start lies outside the field of view
        if hessian is None:
            matrix = pose[:3, :3]
            pivot = matrix @ centre + pose[:3, 3]
            arm = np.column_stack([matrix, -matrix @ centre]) / RADIUS
            groups = _NONE if linear.groups is None else linear.groups
            rows = weigh(points, inside, arm, slopes, linear.weight, groups)
            moves = [*generators, *(matrix @ g @ np.linalg.inv(matrix) for g in first)]
            directions = np.zeros((3 + len(moves), 12))
            directions[:3, :3], directions[3:, 3:] = _E, np.transpose(moves, (0, 2, 1)).reshape(-1, 9)
            hessian = directions @ (rows.T @ rows) @ directions.T
            descent = -directions @ (linear.residual @ rows)
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian) + 1e-9), descent)
        step *= min(1, LONGEST / np.abs(step).max())
        parts = [s / RADIUS * g for s, g in zip(step[3:], (*generators, *first), strict=True)]
        after, before = sum(parts[: len(generators)]), sum(parts[len(generators) :], np.zeros((3, 3)))
        trial = np.eye(4)
        trial[:3, :3] = _exponential(after) @ pose[:3, :3] @ _exponential(before)
        trial[:3, 3] = pivot + step[:3] - trial[:3, :3] @ centre
        candidate = evaluate(trial)
        if candidate[0] < cost:
            pose, hessian, damping = trial, None, damping / 4
            cost, linear, slopes, inside = candidate
        else:
            damping *= 8
        if np.abs(step).max() < tolerance or damping > 1e4:
            break
    return pose, cost


@compiled
def _exponential(matrix: np.ndarray) -> np.ndarray:
    """Matrix exponential of a small (3, 3) by its series."""
    result, term = np.eye(3), np.eye(3)
    for k in range(1, 16):
        product = np.zeros((3, 3))
        for i in range(3):
            for j in range(3):
                for inner in range(3):
                    product[i, j] += term[i, inner] * matrix[inner, j] / k
        term = product
        result += term
    return result


def distance(a: np.ndarray, b: np.ndarray, points: np.ndarray) -> float:
    """Mean distance in mm between the points (3, n) as two poses map them."""
    return float(np.linalg.norm((a - b)[:3, :3] @ points + (a - b)[:3, 3:], axis=0).mean())
