"""The outlined lesion in numbers a reader knows, and carried back to the DWI's own voxels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np

from strokeclock.files import replacing
from strokeclock.imaging.volume import Volume
from strokeclock.reading.result import Lesion
from strokeclock.segmentation.lesion import carry_mask
from strokeclock.series import MATCHED

NETWORK, ON_DWI = "segmentation network", "found on DWI"


def measure_lesion(
    lesion: np.ndarray,
    volumes: Mapping[str, Volume],
    brain: np.ndarray,
    *,
    to_atlas: np.ndarray,
    source: str,
) -> Lesion | None:
    """Measure the lesion on registered series that are not normalised; None where it marks no brain.

    Ratios are means in the lesion over means in the mirrored voxels that hold brain and no lesion.

    Parameters
    ----------
    lesion, brain : (nx, ny, nz) bool, on the atlas grid.
    volumes : series -> Volume on that grid; adc in mm2/s.
    to_atlas : (4, 4), T2w world to atlas world: its determinant is how much larger the head is there.
    source : `NETWORK` or `ON_DWI`.
    """
    inside = lesion & brain
    mirrored = lesion[::-1] & brain & ~lesion
    if not inside.any() or not mirrored.any():
        return None
    grid = volumes["adc"]
    means = {
        name: (float(volume.data[inside].mean()), float(volume.data[mirrored].mean()))
        for name, volume in volumes.items()
    }
    adc, contralateral = means["adc"]
    return Lesion(
        source=source,
        volume_ml=float(inside.sum() * grid.spacing.prod() / 1000 / abs(np.linalg.det(to_atlas[:3, :3]))),
        ratios={name: own / other for name, (own, other) in means.items() if name in MATCHED and other > 0},
        adc=adc * 1e3,
        adc_contralateral=contralateral * 1e3,
    )


def carry_to_dwi(lesion: np.ndarray, *, atlas: Volume, dwi: Volume, to_atlas: np.ndarray) -> Volume:
    """Return the lesion (0 or 1) on the voxels of the raw DWI, with its volume kept.

    Parameters
    ----------
    lesion : (nx, ny, nz) bool, on the atlas grid, not empty.
    atlas : Volume
        Any volume on the atlas grid.
    dwi : Volume
        As `read_volume` gives it.
    to_atlas : (4, 4), DWI world to atlas world.
    """
    mask = Volume(lesion.astype(np.float32), atlas.affine)
    return carry_mask(mask, grid=dwi, transform=np.linalg.inv(to_atlas))


def write_on_grid(path: str | Path, mask: Volume, *, like: str | Path) -> None:
    """Write a mask with the voxel order of the file that it was drawn on, whole or not at all.

    Programs that compare arrays and not worlds then find it in its place.

    Parameters
    ----------
    mask : Volume
        0 or 1, in the order of `read_volume`.
    like : path
        The raw series.
    """
    image = cast(Any, nib.load(like))
    own = nib.orientations.io_orientation(image.affine)
    back = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), own)
    data = nib.orientations.apply_orientation(mask.data.astype(np.uint8), back)
    made = nib.Nifti1Image(data, image.affine)
    made.header.set_xyzt_units("mm")
    with replacing(path) as beside:
        nib.save(made, beside)
