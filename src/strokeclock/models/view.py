"""What a network sees of a hemisphere: a box of it, several voxels averaged into one."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch.nn import functional

Box = tuple[tuple[int, int], ...]  # first voxel, and the one past the last, along x, y and z
IN_PLANE_MM = (98.0, 233.0)  # a whole hemisphere's extent along x and y: half the atlas, on whatever grid


@dataclass(frozen=True)
class View:
    """A box, and how many voxels along x, y and z become one.

    Attributes
    ----------
    box
        None: the whole hemisphere.
    average
        1 along each axis: every voxel is kept. The atlas grid is finer in plane than many scans.

    Examples
    --------
    >>> part = View(box=((0, 100), (10, 210), (2, 26)), average=(2, 2, 1))
    >>> part.size((112, 224, 26))
    (50, 100, 24)
    >>> part.spacing_mm((112, 224, 26))  # along x and y
    (1.75, 2.080357142857143)
    """

    box: Box | None = None
    average: tuple[int, int, int] = (1, 1, 1)

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None) -> Self:
        """Rebuild a view from a checkpoint's record; None: the whole hemisphere, as it is."""
        settings = settings or {}
        box, average = settings.get("box"), settings.get("average", (1, 1, 1))
        return cls(box and tuple(map(tuple, box)), tuple(average))

    def box_on(self, grid: Sequence[int]) -> Box:
        """The box on a hemisphere of a grid (x, y, z)."""
        return self.box or tuple((0, side) for side in grid)

    def size(self, grid: Sequence[int]) -> tuple[int, ...]:
        """The number of voxels of the view on a hemisphere of a grid, along x, y and z."""
        sides = zip(self.box_on(grid), self.average, strict=True)
        return tuple(math.ceil((last - first) / step) for (first, last), step in sides)

    def extent_mm(self, grid: Sequence[int]) -> tuple[float, float]:
        """The extent of the box along x and y on a hemisphere of a grid (x, y, z), mm."""
        sides = zip(IN_PLANE_MM, self.box_on(grid), grid, strict=False)
        x, y = (length * (last - first) / side for length, (first, last), side in sides)
        return x, y

    def spacing_mm(self, grid: Sequence[int]) -> tuple[float, float]:
        """The size of an averaged voxel along x and y on a hemisphere of a grid (x, y, z), mm."""
        sides = zip(IN_PLANE_MM, self.average, grid, strict=False)
        x, y = (length * step / side for length, step, side in sides)
        return x, y

    def see(self, hemispheres: torch.Tensor) -> torch.Tensor:
        """Return the view of hemispheres (n, channels, x, y, z), float32, background 0.

        Averages are over brain voxels only; a block that is mostly background becomes background.
        """
        if self.box is not None:
            hemispheres = _cut(hemispheres, self.box)
        if self.average == (1, 1, 1):
            return hemispheres
        brain = (hemispheres != 0).to(hemispheres.dtype)
        values, covered = (
            functional.avg_pool3d(volume, self.average, ceil_mode=True) for volume in (hemispheres, brain)
        )
        return torch.where(covered >= 0.5, values / covered, 0)

    def share(self, masks: torch.Tensor) -> torch.Tensor:
        """Return the share of each voxel of the view that masks (n, 1, x, y, z) of 0 and 1 fill, float32."""
        if self.box is not None:
            masks = _cut(masks, self.box)
        return functional.avg_pool3d(masks.float(), self.average, ceil_mode=True)

    def put_back(self, seen: np.ndarray, grid: Sequence[int]) -> np.ndarray:
        """Return an array on the view's voxels (x, y, z) on a hemisphere of a grid; 0 outside the box."""
        for axis, step in enumerate(self.average):
            seen = np.repeat(seen, step, axis)
        box = tuple(slice(*side) for side in self.box_on(grid))
        whole = np.zeros(tuple(grid), seen.dtype)
        whole[box] = seen[tuple(slice(side.stop - side.start) for side in box)]
        return whole


def _cut(volumes: torch.Tensor, box: Box) -> torch.Tensor:
    x, y, z = (slice(*side) for side in box)
    return volumes[..., x, y, z]


WHOLE = View()


def read_box(path: str | Path | None) -> Box | None:
    """Read a box from hemispheres/brain_box.json, or None where there is no such file to read."""
    return None if path is None else tuple(map(tuple, json.loads(Path(path).read_text())["box"]))
