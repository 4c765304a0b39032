"""Pictures of other data sets in the form of hemispheres: halves of heads, 0 to 1, on their grid."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from strokeclock.errors import StrokeclockError

TOP = 99.9  # percentile that becomes 1
BACKGROUND = 0.05  # below it, the air's noise becomes 0


class DataSetError(StrokeclockError):
    """The files of a data set are missing or invalid."""


def halve(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut (…, x, y) at the middle of x into two halves; in both, x runs from lateral to medial."""
    half = pictures.shape[-2] // 2
    return pictures[..., :half, :], np.flip(pictures, -2)[..., :half, :]


def resize(pictures: np.ndarray, *, grid: Sequence[int]) -> np.ndarray:
    """Interpolate (n, x, y) to (n, *grid) float32, linearly and without aliasing."""
    tensor = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32))[:, None]
    return functional.interpolate(tensor, size=tuple(grid), mode="bilinear", antialias=True)[:, 0].numpy()


def scale_to_one(picture: np.ndarray) -> np.ndarray:
    """Divide by a high percentile and clip to 0 to 1, with background 0 as in hemispheres; float32."""
    top = np.percentile(picture, TOP)
    scaled = np.clip(picture / (top if top > 0 else 1), 0, 1).astype(np.float32)
    return np.where(scaled < BACKGROUND, 0, scaled)


def digest(*arrays: np.ndarray) -> str:
    """Return the sha256 of the arrays of a training."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()
