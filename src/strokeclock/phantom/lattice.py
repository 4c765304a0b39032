"""Coarse lattices in millimetres: smooth maps and random fields that are sampled at points by linear interpolation."""

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
        """Sample at `points` (3, ...) mm; beyond the lattice its edge goes on, or `outside` where given."""
        shape = (3,) + (1,) * (points.ndim - 1)
        index = (points - np.reshape(np.float32(self.origin), shape)) / np.reshape(
            np.float32(self.spacing), shape
        )
        mode, cval = ("nearest", 0.0) if outside is None else ("constant", outside)
        return map_coordinates(self.values, index, output=np.float32, order=1, mode=mode, cval=cval)

    def points(self) -> NDArray[np.float32]:
        """Return the world positions of all lattice points, (3, X, Y, Z) mm."""
        axes = (
            np.float32(o) + np.float32(s) * np.arange(n, dtype=np.float32)
            for o, s, n in zip(self.origin, self.spacing, self.values.shape, strict=True)
        )
        return np.stack(np.meshgrid(*axes, indexing="ij"))


def draw_lattice(
    rng: np.random.Generator, low: tuple, high: tuple, *, spacing: float, smoothing: float
) -> Lattice:
    """Draw a smooth Gaussian random field of mean 0 and SD 1 over the box `low` to `high`, mm.

    `smoothing` is the SD of the Gaussian kernel in mm (at least `spacing`, so that linear interpolation does not
    show): the field's autocorrelation is exp(-d² / (4·smoothing²)).
    """
    shape = [int(np.ceil((h - lo) / spacing)) + 1 for lo, h in zip(low, high, strict=True)]
    sd = smoothing / spacing
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sd, mode="wrap")
    # The SD of white noise under a Gaussian kernel is (2·sqrt(π)·sd)^(-1/2) an axis.
    return Lattice(noise * np.float32((2 * np.sqrt(np.pi) * sd) ** 1.5), tuple(low), (spacing,) * 3)
