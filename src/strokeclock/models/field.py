"""The part of a hemisphere that a network sees."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Box = tuple[tuple[int, int], ...]  # first voxel, and the one past the last, along x, y and z
Volume = TypeVar("Volume")  # numpy array or torch tensor


def read_field(path: str | Path | None) -> Box | None:
    """Read a field from hemispheres/field.json, or None where there is no such file to read."""
    return None if path is None else tuple(map(tuple, json.loads(Path(path).read_text())["field"]))


def crop(volume: Volume, field: Box | None) -> Volume:
    """Cut a volume (..., x, y, z) to a field, without copying; None: all of it."""
    if field is None:
        return volume
    return volume[(..., *(slice(*side) for side in field))]


def size_of(field: Box | None, *, grid: Sequence[int]) -> tuple[int, ...]:
    """The voxels of a field along x, y and z; of the whole hemisphere where it is None."""
    return tuple(grid) if field is None else tuple(last - first for first, last in field)
