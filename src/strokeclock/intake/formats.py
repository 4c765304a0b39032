"""Images of any format that people have: NIfTI, MetaImage, NRRD and FreeSurfer's, in world coordinates."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Image:
    """An image as stored, its axes not reordered.

    Attributes
    ----------
    data : (X, Y, Z) or (X, Y, Z, volumes)
        The stored type where the file has no scale factor, else float64.
    affine : float64 (4, 4)
        Voxel index to world RAS+ mm.
    """

    data: np.ndarray
    affine: np.ndarray


def read_image(path: str | Path, *, patient: str, series: str) -> Image:
    """Read an image completely, whatever its format: .nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr, .mgz, .mgh.

    The format is told by the content; a header that names a data file may name one in its own folder only.

    Raises
    ------
    PatientError
        The file is of none of these formats, is damaged or truncated, holds less than its header says, has
        no direction or a contradictory one, or holds colours, vectors or complex numbers.
    """
    raise NotImplementedError
