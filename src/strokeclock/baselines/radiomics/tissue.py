"""Tissue maps of a patient's ADC, as SPM's segmentation writes them: brain and white matter of Lee et al."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from strokeclock.baselines.radiomics.infarct import FACES
from strokeclock.baselines.radiomics.maps import CLASSES, find_maps
from strokeclock.errors import PatientError
from strokeclock.imaging.volume import Volume, read_volume

BRAIN_SHARE = 0.5  # of a voxel, from which it is brain
SMALLEST_VOXELS = 10_000  # of a connected part of the brain
MAX_SHIFT_MM = 0.01  # between the grids of a map and of the preprocessed ADC


def read_tissues(
    folder: str | Path, *, patient: str, grid: Volume, white_matter_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Read a patient's tissue maps and return brain and white matter, (X, Y, Z) bool.

    The brain is where the maps' sum is over `BRAIN_SHARE`, without parts under `SMALLEST_VOXELS`, holes
    filled.

    Parameters
    ----------
    folder : path
        See `find_maps`. Maps are shares from 0 to 1.
    grid : Volume
        The grid on which they must lie: that of the preprocessed ADC.
    white_matter_share : float
        The least share of white matter in the voxels that count as such.

    Raises
    ------
    PatientError
        A map is absent, lies on another grid, or holds other values than shares.
    """
    maps = {}
    for name, path in find_maps(folder, patient).items():
        if path is None:
            raise PatientError(
                patient,
                f"evaluation.radiomics.tissue_maps holds no map of {name} ({CLASSES[name]}.nii): segment the "
                "preprocessed ADC with SPM, or set the key to null",
            )
        found = read_volume(path, patient=patient, series=f"map of {name}")
        if found.shape != grid.shape or np.abs(found.affine - grid.affine).max() > MAX_SHIFT_MM:
            raise PatientError(
                patient,
                f"the map of {name} lies on another grid than the preprocessed ADC: segment that file, "
                "without reslicing",
            )
        if found.data.min() < 0 or not 0 < found.data.max() <= 1.01:
            raise PatientError(patient, f"the map of {name} does not hold shares from 0 to 1")
        maps[name] = found.data
    parts, _ = ndimage.label(sum(maps.values()) > BRAIN_SHARE, FACES)
    large = np.bincount(parts.ravel()) >= SMALLEST_VOXELS
    large[0] = False
    return ndimage.binary_fill_holes(large[parts]), maps["white matter"] >= white_matter_share
