"""Lattices in millimetres: maps and random fields that are sampled at points by linear interpolation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates


@dataclass(frozen=True)
class Lattice:
    """Values at origin + spacing · (i, j, k), mm; axes run along R, A, S.

    values   (X, Y, Z) float32 or uint8
    origin   world position of values[0, 0, 0], mm
    spacing  per axis, mm
    """

    values: NDArray
    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]

    def sample(self, points: NDArray, *, outside: float | None = None) -> NDArray[np.float32]:
        """Sample at `points` (3, ...) mm; beyond the lattice the edge value, or `outside` where given."""
        index = np.empty(points.shape, np.float32)
        for axis in range(3):
            np.multiply(points[axis], np.float32(1 / self.spacing[axis]), out=index[axis])
            index[axis] -= np.float32(self.origin[axis] / self.spacing[axis])
        mode, cval = ("nearest", 0.0) if outside is None else ("constant", outside)
        return map_coordinates(self.values, index, output=np.float32, order=1, mode=mode, cval=cval)

    def refine(self, frame: "Lattice") -> NDArray[np.float32]:
        """Interpolate to the points of a finer lattice within this one: (X, Y, Z) of `frame`."""
        values = self.values
        for axis in (2, 1, 0):  # the last pass, over the most values, is the contiguous one
            place = np.arange(frame.values.shape[axis]) * (frame.spacing[axis] / self.spacing[axis])
            place += (frame.origin[axis] - self.origin[axis]) / self.spacing[axis]
            low = np.clip(place.astype(int), 0, values.shape[axis] - 2)
            upper = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
            first, second = values.take(low, axis), values.take(low + 1, axis)
            values = first + upper * (second - first)
        return values

    def hold(self, values: NDArray) -> "Lattice":
        """Return a lattice of the same origin and spacing with other values."""
        return Lattice(np.ascontiguousarray(values, np.float32), self.origin, self.spacing)

    def locate(self, index: NDArray) -> NDArray[np.float32]:
        """Return the world positions (3, n), mm, of the lattice points at flat indices (n,), C order."""
        places = zip(np.unravel_index(index, self.values.shape), self.origin, self.spacing, strict=True)
        return np.stack([(low + step * i).astype(np.float32) for i, low, step in places])

    def points(self) -> NDArray[np.float32]:
        """Return the world positions of all lattice points, (3, X, Y, Z) mm."""
        axes = (
            np.float32(o) + np.float32(s) * np.arange(n, dtype=np.float32)
            for o, s, n in zip(self.origin, self.spacing, self.values.shape, strict=True)
        )
        return np.stack(np.meshgrid(*axes, indexing="ij"))


def frame_lattice(shape: Sequence[int], origin: Sequence[float], spacing: Sequence[float]) -> Lattice:
    """Return a lattice without values: a frame for `Lattice.refine`, `locate`, `points` and `hold`."""
    x, y, z = map(float, origin)
    i, j, k = map(float, spacing)
    return Lattice(np.broadcast_to(np.uint8(0), tuple(shape)), (x, y, z), (i, j, k))


def draw_lattice(
    rng: np.random.Generator, low: tuple, high: tuple, *, spacing: float, smoothing: float
) -> Lattice:
    """Draw a smooth Gaussian random field of mean 0 and SD 1 over the box `low` to `high`, mm.

    `smoothing` is the SD of the Gaussian kernel in mm (at least `spacing`, so that linear interpolation does
    not show): the field's autocorrelation is exp(-d² / (4·smoothing²)).
    """
    shape = [int(np.ceil((h - lo) / spacing)) + 1 for lo, h in zip(low, high, strict=True)]
    sd = smoothing / spacing
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sd, mode="wrap")
    # The SD of white noise under a Gaussian kernel is (2·sqrt(π)·sd)^(-1/2) an axis.
    return Lattice(noise * np.float32((2 * np.sqrt(np.pi) * sd) ** 1.5), tuple(low), (spacing,) * 3)
