"""Axial slices as pictures: cropped to the brain, anterior up, the patient's right on the left."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

CONVENTION = "Radiological convention: R, the patient's right, is on the left of the picture"
_MARGIN_MM = 6


@dataclass(frozen=True, eq=False)
class AxialFrame:
    """What every slice of a patient shows.

    Attributes
    ----------
    columns, rows : indices along x and y of a RAS grid.
    size : pixels across and down.
    """

    columns: np.ndarray
    rows: np.ndarray
    size: tuple[int, int]

    def cut(
        self, data: np.ndarray, z: int, *, resampling: Image.Resampling = Image.Resampling.BILINEAR
    ) -> np.ndarray:
        """A slice (x, y, z) in the radiological convention, (down, across)."""
        plane = data[self.columns][:, self.rows, z][::-1, ::-1].T
        return np.asarray(Image.fromarray(plane).resize(self.size, resampling))


def frame_brain(brain: np.ndarray, *, spacing: np.ndarray, scale: float) -> AxialFrame:
    """Frame the voxels (x, y, z) that are True, with a margin.

    Parameters
    ----------
    spacing : mm a voxel along x, y, z.
    scale : pixels a mm.
    """
    columns, rows = (
        _extent(brain, axis, margin=round(_MARGIN_MM / step))
        for axis, step in zip((0, 1), spacing, strict=False)
    )
    across, down = (
        round(len(indices) * step * scale) for indices, step in zip((columns, rows), spacing, strict=False)
    )
    return AxialFrame(columns, rows, (across, down))


def find_slices(brain: np.ndarray) -> np.ndarray:
    """The indices along z that hold brain (x, y, z), without a gap."""
    return _extent(brain, 2, margin=0)


def _extent(brain: np.ndarray, axis: int, *, margin: int) -> np.ndarray:
    used = np.flatnonzero(brain.any(axis=tuple(k for k in range(3) if k != axis)))
    return np.arange(max(used[0] - margin, 0), min(used[-1] + margin + 1, brain.shape[axis]))
