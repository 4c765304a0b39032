"""The scanner: geometry of slices; effects of coil, echo-planar readout, motion and noise; storage.

Coordinates: head (RAS+ mm, the head's own), world (RAS+ mm, the scanner's). A pose maps head to world.
"""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from strokeclock.files import write_whole
from strokeclock.phantom.anatomy import BOX_HIGH, BOX_LOW, both_sides
from strokeclock.phantom.lattice import Lattice, draw_lattice

SUBSLICES = 3  # planes that a slice's thickness is averaged over
BRAIN_CENTRE = (0.0, -18.0, 10.0)  # mm, head coordinates: what the slices are centred on
FIELD_OF_VIEW_MM = 230.0


@dataclass(frozen=True)
class Slices:
    """A stack of slices.

    affine  (4, 4), voxel index to world, mm
    shape   (columns, rows, slices)
    """

    affine: NDArray
    shape: tuple[int, int, int]

    @property
    def voxel_mm(self) -> NDArray:
        """Spacing along columns, rows, slices."""
        return np.sqrt((self.affine[:3, :3] ** 2).sum(0))


def rotation(pitch: float, roll: float, yaw: float) -> NDArray:
    """Return the (3, 3) rotation by degrees about x, then y, then z."""
    a, b, c = np.deg2rad([pitch, roll, yaw])
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return z @ y @ x


def rigid(rotation_: NDArray, translation: NDArray, *, about: NDArray) -> NDArray:
    """Return the (4, 4) motion that rotates about a point and then translates, mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_
    matrix[:3, 3] = about + translation - rotation_ @ about
    return matrix


def draw_pose(rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Draw the head's position in the scanner: pose (4, 4) head to world, and its angles in degrees."""
    angles = np.clip(rng.normal((-4, 0, 0), (5, 2.5, 5)), -12, 12)
    return rigid(rotation(*angles), rng.normal(0, (4, 10, 12)), about=np.array(BRAIN_CENTRE)), angles


def draw_slip(rng: np.random.Generator, *, moved: bool) -> NDArray:
    """Draw the head's motion between two series, (4, 4) in world mm: up to 4 mm, twice that if it `moved`."""
    much = 2.0 if moved else 1.0
    angles = np.clip(rng.normal(0, 0.8, 3), -3, 3) * much
    return rigid(rotation(*angles), np.clip(rng.normal(0, 1.5, 3), -4, 4) * much, about=np.zeros(3))


def place_slices(
    rng: np.random.Generator,
    pose: NDArray,
    angles: NDArray,
    *,
    voxel_mm: tuple[float, float, float],
    slices: int,
) -> Slices:
    """Place an oblique stack of slices, aligned roughly with the head and centred on the brain."""
    tilt = rotation(*(np.array([0.75, 0.6, 0.0]) * angles + rng.normal(0, (2.5, 1.0, 0.6))))
    columns = 2 * round(FIELD_OF_VIEW_MM / voxel_mm[0] / 2)
    rows = 2 * round(FIELD_OF_VIEW_MM / voxel_mm[1] / 2)
    shape = (columns, rows, slices)
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.diag(voxel_mm)
    centre = pose[:3, :3] @ np.array(BRAIN_CENTRE) + pose[:3, 3] + tilt @ rng.normal((0, 6, 0), (2, 3, 2))
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Slices(affine, shape)


@dataclass(frozen=True)
class Samples:
    """The places in the head from which voxels of a stack take their signal; voxels clear of it are left out.

    slices  the stack
    index   (n,) flat indices of the voxels, C order
    points  (3, SUBSLICES, n) head coordinates, mm: planes through the thickness of the slice
    """

    slices: Slices
    index: NDArray
    points: NDArray

    @property
    def middle(self) -> NDArray:
        """Points (3, n) in the slice's middle plane."""
        return self.points[:, SUBSLICES // 2]

    def fill(self, values: NDArray) -> NDArray[np.float32]:
        """Return the image (X, Y, Z) that has `values` (n,) at the voxels and 0 elsewhere."""
        image = np.zeros(self.slices.shape, np.float32)
        image.ravel()[self.index] = values
        return image


def locate(slices: Slices, pose: NDArray, *, skin: Lattice, jitter: NDArray | None = None) -> Samples:
    """Find the head coordinates of a stack's voxels.

    skin    distance to the skin, mm: voxels more than 4 mm outside are left out
    jitter  (Z, 3): in-plane shift (columns, rows; voxels) and rotation (degrees) of each slice by motion
    """
    to_head = (np.linalg.inv(pose) @ slices.affine).astype(np.float32)
    nx, ny, _ = slices.shape
    i, j, k = (np.arange(n, dtype=np.float32) for n in slices.shape)
    i, j = i[:, None, None], j[:, None]
    if jitter is not None:
        shift_i, shift_j, angle = jitter.astype(np.float32).T
        angle, ci, cj = np.deg2rad(angle), i - (nx - 1) / 2, j - (ny - 1) / 2
        i = np.cos(angle) * ci - np.sin(angle) * cj + (nx - 1) / 2 + shift_i
        j = np.sin(angle) * ci + np.cos(angle) * cj + (ny - 1) / 2 + shift_j
    middle = np.stack([np.ravel(m[0] * i + m[1] * j + m[2] * k + m[3]) for m in to_head[:3]])
    index = np.flatnonzero(skin.sample(middle) < 4.0)
    depth = (np.arange(SUBSLICES, dtype=np.float32) + 0.5) / SUBSLICES - 0.5
    points = middle[:, None, index] + to_head[:3, 2, None, None] * depth[:, None]
    return Samples(slices, index, points)


def average_slices(volume: Lattice, samples: Samples) -> NDArray[np.float32]:
    """Return a head's volume at the samples' voxels (n,), averaged over the slice thickness.

    The in-plane point spread of larger voxels blurs the volume first.
    """
    blur = [0.22 * v / s for v, s in zip(samples.slices.voxel_mm[:2], volume.spacing[:2], strict=True)]
    return volume.hold(gaussian_filter(volume.values, [*blur, 0])).sample(samples.points, outside=0.0).mean(0)


def draw_coil(rng: np.random.Generator, *, strength: float = 1.0) -> Lattice:
    """Draw the coil's sensitivity in head coordinates, brighter towards the coil.

    `strength` multiplies its log; 1: within about ±20 %.
    """
    coil = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=40, smoothing=55)
    x, y, z = coil.points()
    outward = ((x / 90) ** 2 + ((y + 18) / 110) ** 2 + ((z - 10) / 95) ** 2).clip(0, 2)
    return coil.hold(np.exp(strength * (0.12 * coil.values + 0.3 * (outward - 0.6))))


@dataclass(frozen=True)
class Susceptibility:
    """Effect of air in the skull base on an echo-planar image, in head coordinates.

    shift  displacement along the phase-encoding axis (rows, A to P), mm
    slope  its derivative along y, mm per mm
    left   share of the signal that remains after dephasing
    """

    shift: Lattice
    slope: Lattice
    left: Lattice


def draw_susceptibility(rng: np.random.Generator, *, field_t: float, distortion: float) -> Susceptibility:
    """Draw field disturbances above the sinuses, orbits and petrous bones.

    They grow with B0; `distortion` multiplies them.
    """
    coarse = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=5, smoothing=12)
    near = both_sides(coarse.points())
    strength = distortion * field_t / 3 * rng.lognormal(0, 0.25)
    shift = 0.5 * strength * coarse.values
    loss = np.zeros_like(shift)
    for centre, radius, push, dark in (
        ((0, 36, -30), 13, 9.0, 1.6),
        ((8, 68, -12), 10, 6.0, 0.9),
        ((46, -26, -34), 11, -6.5, 1.0),
        ((58, -40, -34), 9, -4.0, 0.6),
        ((26, 46, -48), 16, 6.0, 2.0),
    ):
        squared = sum((p - c) ** 2 for p, c in zip(near, centre, strict=True)) / radius**2
        shift += push * strength * np.exp(-0.5 * squared)
        loss += dark * strength * np.exp(-0.9 * squared)
    return Susceptibility(
        shift=coarse.hold(shift),
        slope=coarse.hold(np.gradient(shift, coarse.spacing[1], axis=1)),
        left=coarse.hold(np.exp(-loss)),
    )


def distort(samples: Samples, disturbance: Susceptibility) -> tuple[Samples, NDArray[np.float32]]:
    """Move the samples along y as an echo-planar readout does.

    Returns where each voxel's signal comes from, and a factor (n,) on it: signal that is piled up is bright,
    signal that is stretched faint, dephased signal lost.
    """
    points = samples.points.copy()
    points[1] -= disturbance.shift.sample(samples.middle)
    piling = np.clip(1 - disturbance.slope.sample(samples.middle), 0.15, 3.0)
    return replace(samples, points=points), piling * disturbance.left.sample(samples.middle)


def add_ghost(image: NDArray, *, amplitude: float, shift: int) -> NDArray:
    """Add a ghost of the image (X, Y, Z), `shift` rows away: half the field of view in EPI."""
    return image + amplitude * np.roll(image, shift, axis=1)


def add_noise(rng: np.random.Generator, image: NDArray, *, sigma: float) -> NDArray[np.float32]:
    """Return the magnitude under complex Gaussian noise (Rician), a little smooth as after interpolation."""
    real, imaginary = (
        gaussian_filter(rng.standard_normal(image.shape, dtype=np.float32), (0.45, 0.45, 0)) for _ in range(2)
    )
    scale = np.float32(sigma / 0.81)  # the smoothing leaves .81 of the SD
    return np.hypot(image + scale * real, scale * imaginary)


def digitise(image: NDArray, *, unit: float) -> NDArray[np.int16]:
    """Return the image times `unit` as whole numbers, as a scanner stores it."""
    return np.round(image * unit).clip(0, 32000).astype(np.int16)


def flip_columns(data: NDArray, affine: NDArray) -> tuple[NDArray, NDArray]:
    """Store the columns the other way (RAS-like to LAS-like and back); the world stays as it is."""
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    flip[0, 3] = data.shape[0] - 1
    return data[::-1], affine @ flip


def write_nifti(path: str | Path, data: NDArray, affine: NDArray) -> None:
    """Write a .nii.gz with qform and sform in scanner coordinates; whole or not at all, no time stamp."""
    image = nib.Nifti1Image(data, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm")
    write_whole(path, gzip.compress(image.to_bytes(), 1, mtime=0))
