"""What the affine and the rigid registration share: Gauss-Newton steps on a matrix, and sampling with
gradients.

A pose is a 4 x 4 matrix from fixed world to moving world (mm): where a point of the fixed volume is looked
up in the moving one. Its inverse is the transform that `resample` takes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume

_E = np.eye(3)
ROTATIONS = [np.cross(axis, _E).T for axis in _E]  # about x, y, z
SCALING = [np.eye(3)]
STRETCHES = [np.outer(_E[i], _E[j]) for i in range(3) for j in range(3)]
RADIUS = 70.0  # mm, a brain's: a unit of rotation or stretch then moves its surface by 1 mm, as a shift does
LONGEST = 30.0  # mm: no single step moves further


@dataclass(frozen=True)
class Sampler:
    """A moving volume prepared for look-ups at world points: its values and its gradient per mm.

    Attributes
    ----------
    volume : Volume
    gradient : three float32 arrays of the volume's shape, along the array axes, per voxel
    """

    volume: Volume
    gradient: list[np.ndarray]

    @classmethod
    def of(cls, volume: Volume) -> "Sampler":
        return cls(volume, np.gradient(volume.data))

    def voxels(self, world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Voxel coordinates (3, n) of world points (3, n), and which lie inside the field of view."""
        to_voxel = np.linalg.inv(self.volume.affine).astype(np.float32)
        voxel = to_voxel[:3, :3] @ world + to_voxel[:3, 3:]
        last = np.array(self.volume.shape, dtype=np.float32)[:, None] - 0.5
        return voxel, ((voxel >= -0.5) & (voxel <= last)).all(axis=0)

    def values(self, voxel: np.ndarray) -> np.ndarray:
        return _look_up(self.volume.data, voxel)

    def slopes(self, voxel: np.ndarray) -> np.ndarray:
        """Gradient (3, n) in world coordinates, per mm."""
        along = np.stack([_look_up(g, voxel) for g in self.gradient])
        return np.linalg.inv(self.volume.affine[:3, :3]).T.astype(np.float32) @ along


def _look_up(data: np.ndarray, voxel: np.ndarray) -> np.ndarray:
    return ndimage.map_coordinates(data, voxel, order=1, mode="nearest", prefilter=False)


def isotropic(volume: Volume, spacing: float) -> Volume:
    """The volume at about ``spacing`` mm along its own axes, smoothed to match; the same field of view."""
    shape = tuple(np.maximum(np.rint(volume.spacing * volume.shape / spacing), 4).astype(int))
    scale = np.array(volume.shape) / shape
    affine = volume.affine @ np.diag([*scale, 1.0])
    affine[:3, 3] = volume.affine[:3, :3] @ ((scale - 1) / 2) + volume.affine[:3, 3]
    return resample(volume, shape=shape, affine=affine)


def rotation(*, pitch: float = 0, roll: float = 0, yaw: float = 0) -> np.ndarray:
    """Rotation (3, 3) about x (pitch), y (roll) and z (yaw), degrees."""
    return _exponential(sum(np.deg2rad(a) * g for a, g in zip((pitch, roll, yaw), ROTATIONS, strict=True)))


def descend(
    pose: np.ndarray,
    *,
    points: np.ndarray,
    sampler: Sampler,
    fit: Callable[[np.ndarray, np.ndarray], tuple[float, Callable]],
    generators: list[np.ndarray],
    iterations: int,
    tolerance: float = 0.02,
) -> tuple[np.ndarray, float]:
    """Lower the cost of a pose by damped Gauss-Newton (Levenberg) steps.

    Parameters
    ----------
    pose : (4, 4)
        Fixed world to moving world.
    points : float32 (3, n)
        Fixed world points that count.
    fit : callable
        Of the moving values (n,) and which points lie inside (n,): the cost, and a function that turns the
        Jacobian of the inside values (p, m) into the Jacobian and the residual (m,) of what is squared.
    generators : list of (3, 3)
        Directions in which the matrix may move, beside the three translations.
    tolerance : float
        Stop once a step moves the brain's surface by less (mm).
    """
    centre = points.mean(axis=1, dtype=np.float64)

    def look(pose):
        moved = pose[:3, :3].astype(np.float32) @ points + pose[:3, 3:].astype(np.float32)
        voxel, inside = sampler.voxels(moved)
        voxel = voxel[:, inside]
        return moved[:, inside], voxel, *fit(sampler.values(voxel), inside)

    moved, voxel, cost, linearise = look(pose)
    damping, hessian = 1e-2, None
    for _ in range(iterations):
        if not np.isfinite(cost):
            break  # the start lies outside the field of view
        if hessian is None:
            slopes = sampler.slopes(voxel)
            pivot = pose[:3, :3] @ centre + pose[:3, 3]
            arm = (moved - pivot[:, None].astype(np.float32)) / np.float32(RADIUS)
            turned = [np.einsum("in,ij,jn->n", slopes, g.astype(np.float32), arm) for g in generators]
            jacobian, residual = linearise(np.stack([*slopes, *turned]))
            hessian = (jacobian @ jacobian.T).astype(np.float64)
            descent = -(jacobian @ residual).astype(np.float64)
        step = np.linalg.solve(hessian + damping * np.diag(np.diag(hessian) + 1e-9), descent)
        step *= min(1, LONGEST / np.abs(step).max())
        matrix = sum((s / RADIUS * g for s, g in zip(step[3:], generators, strict=True)), np.zeros((3, 3)))
        trial = np.eye(4)
        trial[:3, :3] = _exponential(matrix) @ pose[:3, :3]
        trial[:3, 3] = pivot + step[:3] - trial[:3, :3] @ centre
        candidate = look(trial)
        if candidate[2] < cost:
            pose, hessian, damping = trial, None, damping / 4
            moved, voxel, cost, linearise = candidate
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
    """Mean distance in mm between where two poses take the points (3, n)."""
    return float(np.linalg.norm((a - b)[:3, :3] @ points + (a - b)[:3, 3:], axis=0).mean())
