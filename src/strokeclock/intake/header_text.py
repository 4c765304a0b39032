"""What the text headers of MetaImage and NRRD have in common."""

import re
from collections import UserDict

import numpy as np

from strokeclock.intake.payload import Refuse

LPS = np.array([-1.0, -1.0, 1.0])  # sign of each axis of the space in RAS+
MOST_HEADER = 2**20  # bytes

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Fields(UserDict[str, str]):
    """The fields of a header; one that is given twice is refused."""

    def __init__(self, refuse: Refuse):
        super().__init__()
        self._refuse = refuse

    def add(self, name: str, value: str) -> None:
        if name in self:
            raise self._refuse(f"gives {name} twice in its header; export it again")
        self[name] = value


def numbers(text: str, count: int, *, name: str, refuse: Refuse) -> np.ndarray:
    """Return the numbers of a field, float64 (count,); refuse what is not ``count`` finite numbers."""
    words = text.split()
    values = np.array([float(word) if _NUMBER.fullmatch(word) else np.nan for word in words])
    if len(words) != count or not np.isfinite(values).all():
        raise refuse(f"has a damaged {name} in its header, not {count} numbers; export it again")
    return values


def whole_numbers(text: str, count: int, *, name: str, refuse: Refuse) -> tuple[int, ...]:
    """Return the whole numbers of a field; refuse what is not ``count`` of them."""
    values = numbers(text, count, name=name, refuse=refuse)
    if (values % 1).any():
        raise refuse(f"has a damaged {name} in its header, no whole numbers; export it again")
    return tuple(int(value) for value in values)


def affine_of(steps: np.ndarray, origin: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return voxel index to world RAS+ mm, float64 (4, 4).

    Parameters
    ----------
    steps : (3, 3), a row for each array axis: the step to its next voxel, mm, in the file's space.
    origin : (3,) of the first voxel's centre, in the file's space.
    signs : (3,) of the space's axes in RAS+.
    """
    affine = np.eye(4)
    affine[:3, :3] = (steps * signs).T
    affine[:3, 3] = origin * signs
    return affine
