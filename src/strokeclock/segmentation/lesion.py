"""The lesion on the atlas grid: as a person drew it, else as found on DWI."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import read_exclusion, run_step
from strokeclock.imaging.hemispheres import require_symmetric_grid, split_hemispheres
from strokeclock.imaging.resample import FWHM, resample_share
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.series import BOTH, NO_LESION, SIDES

log = logging.getLogger(__name__)

ABOVE_BRAIN = 1.35  # times the median of the hemisphere's brain on DWI
ABOVE_CONTRALATERAL = 1.25  # times the contralateral voxel
SMOOTH_MM = 3.0  # full width at half maximum, in plane, before a lesion is found on DWI
SMALLEST_ML = 0.2  # of a part of a lesion
RIM_MM = 3.0  # around a lesion, in plane: covers registration errors and blur
MOST_OF_BRAIN = (
    0.4  # of a drawn mask; a hemisphere is 0.48, the largest phantom's lesion 0.32 (350 mL of 1.1 L)
)
LEAST_IN_BRAIN = 0.5  # share of a drawn mask
ONE_VALUE = 1e-3  # of the largest value: rounding of a mask that was scaled or written as numbers
COLUMNS = ("patient", "volume_ml", "source", "note")
DRAWN, FOUND, NONE = "mask", "automatic", "none"  # source of a lesion


def find_lesion(own: np.ndarray, contralateral: np.ndarray) -> np.ndarray:
    """Mark the voxels of a hemisphere that are bright on DWI.

    Parameters
    ----------
    own, contralateral : (x, y, z)
        The DWI of the hemisphere and of the contralateral one, mirrored; background 0.

    Returns
    -------
    (x, y, z) bool
        Brighter than `ABOVE_BRAIN` times the brain's median and `ABOVE_CONTRALATERAL` times the contralateral
        voxel, where there is brain on both sides.
    """
    brain = own > 0
    if not brain.any():
        return brain
    return (
        (own > ABOVE_BRAIN * np.median(own[brain]))
        & (own > ABOVE_CONTRALATERAL * contralateral)
        & (contralateral > 0)
    )


def locate_on_dwi(dwi: Volume, *, side: str) -> Volume:
    """Find the lesion on DWI: `find_lesion` on smoothed data, without parts under `SMALLEST_ML`.

    Parameters
    ----------
    dwi : Volume
        On the atlas grid, background 0.
    side : left, right, or both
        The hemispheres to search.

    Returns
    -------
    Volume
        0 or 1, on the same grid.
    """
    require_symmetric_grid(dwi)
    sigma = [SMOOTH_MM / FWHM / dwi.spacing[0], SMOOTH_MM / FWHM / dwi.spacing[1], 0]
    brain = dwi.data > 0
    share = ndimage.gaussian_filter(
        brain.astype(np.float32), sigma
    )  # so that the background does not darken the border
    smooth = np.where(brain, ndimage.gaussian_filter(dwi.data, sigma) / np.maximum(share, 1e-3), 0)
    mirrored = smooth[::-1]
    lesion = np.zeros(dwi.shape, bool)
    half = dwi.shape[0] // 2
    for name, columns in zip(SIDES, (slice(None, half), slice(half, None)), strict=True):
        if side in (name, BOTH):
            lesion[columns] = find_lesion(smooth[columns], mirrored[columns])
    parts, _ = ndimage.label(lesion, np.ones((3, 3, 3)))
    volume_ml = np.bincount(parts.ravel()) * dwi.spacing.prod() / 1000
    volume_ml[0] = 0
    return Volume((volume_ml >= SMALLEST_ML)[parts].astype(np.float32), dwi.affine)


def measure_distance(mask: np.ndarray, spacing: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return each voxel's distance from a mask within its slice, mm.

    Parameters
    ----------
    mask : (x, y, z) bool.
    spacing : of a voxel along x and y, mm; further numbers are ignored.

    Returns
    -------
    (x, y, z)
        0 inside; infinite in slices that the mask does not reach.
    """
    distance = np.full(mask.shape, np.inf)
    for z in np.flatnonzero(mask.any((0, 1))):
        distance[..., z] = ndimage.distance_transform_edt(~mask[..., z], sampling=spacing[:2])
    return distance


def read_mask(path: str | Path, *, patient: str, scan: Volume) -> Volume:
    """Read a drawn mask: 0 outside the lesion, one other value inside.

    Parameters
    ----------
    scan : Volume
        The series that it was drawn on, the patient's DWI or T2w.

    Returns
    -------
    Volume
        0 or 1.

    Raises
    ------
    PatientError
        The mask cannot be read, marks nothing, everything or a single voxel, has another grid than ``scan``,
        or holds other values.
    """
    name = Path(path).name

    def refuse(what: str) -> PatientError:
        return PatientError(patient, f"lesion_mask file {name} {what}")

    mask = read_volume(path, patient=patient, series="lesion_mask")
    if not mask.same_grid(scan):
        sizes = ("×".join(map(str, volume.shape)) for volume in (mask, scan))
        raise refuse(
            f"({next(sizes)}) is not on the grid of the DWI ({next(sizes)}); draw it on the DWI or T2w"
        )
    values = np.unique(mask.data)
    highest = values[-1]
    inside = np.abs(values - highest) <= ONE_VALUE * highest
    if highest <= 0 or (values[~inside] != 0).any() or inside.all():
        some = ", ".join(f"{value:g}" for value in values[:3])
        raise refuse(
            f"holds {len(values)} values ({some}{', …' * (len(values) > 3)}); write 0 outside the lesion and "
            "1 inside"
        )
    lesion = mask.data > highest / 2
    if np.count_nonzero(lesion) == 1:
        raise refuse("marks a single voxel; draw the lesion, or leave the column empty")
    return Volume(lesion.astype(np.float32), mask.affine)


def require_possible(lesion: Volume, *, brain: np.ndarray, patient: str, name: str) -> None:
    """Raise `PatientError` where a drawn lesion is too large for an infarct, or lies outside the brain.

    Masks of the brain, of the field of view or of everything but the lesion are too large; masks on a wrong
    grid or of another patient lie outside.

    Parameters
    ----------
    lesion : Volume
        0 or 1, on the atlas grid, not empty.
    brain : bool array of the same shape
    name : of the mask's file.
    """
    marked = lesion.data > 0
    part = marked.sum() / brain.sum()
    if part > MOST_OF_BRAIN:
        raise PatientError(
            patient,
            f"lesion_mask file {name} marks {part:.0%} of the brain's volume, more than an infarct can take "
            f"({MOST_OF_BRAIN:.0%}); draw the lesion alone, 1 inside it",
        )
    if (within := (marked & brain).sum() / marked.sum()) < LEAST_IN_BRAIN:
        raise PatientError(
            patient,
            f"lesion_mask file {name} lies outside the brain by {1 - within:.0%}; draw it on this patient's "
            "DWI or T2w",
        )


def carry_mask(mask: Volume, *, grid: Volume, transform: np.ndarray) -> Volume:
    """Resample a lesion to a grid: the voxels with the largest shares, as many as keep its volume.

    A small or thin lesion may cover no voxel of a coarse grid by half: a threshold would lose it.

    Parameters
    ----------
    mask : Volume
        0 or 1, not empty.
    grid : Volume
        Any volume on the target grid.
    transform : (4, 4)
        The mask's world to the grid's, mm.

    Returns
    -------
    Volume
        0 or 1; empty where the lesion lies outside the grid.
    """
    share = resample_share(mask, shape=grid.shape, affine=grid.affine, transform=transform)
    growth = np.linalg.det(transform) * mask.spacing.prod() / grid.spacing.prod()
    wanted = max(1, round(float(mask.data.sum() * growth)))
    # in a thin lesion many shares are equal: smoothing ranks its middle before its rim
    rank = share.data + 0.1 * ndimage.gaussian_filter(share.data, 1)
    most = np.argsort(-rank, axis=None, kind="stable")[:wanted]
    lesion = np.zeros(grid.shape, np.float32)
    lesion.ravel()[most] = share.data.ravel()[most] > 0
    return Volume(lesion, grid.affine)


def locate_lesions(
    preprocessed: str | Path,
    table: str | Path,
    *,
    lesions: Files,
    drawn: Mapping[str, str | None],
    scans: Mapping[str, str | None],
    sides: Mapping[str, str],
) -> None:
    """Write the lesions of a batch of patients, or the reasons for none, and a table of the files.

    Parameters
    ----------
    preprocessed : path
        A table of their files (`batches`): dwi, t2w_to_atlas.
    lesions : patient -> {"lesion": file}
        The files to write.
    drawn, scans, sides : mappings of patient -> drawn, scan, side
        See `locate_lesion`.
    """
    for patient, found in read_batches(preprocessed, only=lesions).items():
        files = {"dwi": found["dwi"], "transform": found["t2w_to_atlas"]}
        output = lesions[patient]["lesion"]
        step = partial(
            locate_lesion,
            patient=patient,
            **files,
            drawn=drawn[patient],
            scan=scans[patient],
            side=sides[patient],
            output=output,
        )
        run_step(step, patient=patient, inputs=files.values(), outputs=[output])
    write_batch(table, lesions)


def locate_lesion(
    *,
    patient: str,
    dwi: str | Path,
    transform: str | Path,
    drawn: str | Path | None,
    scan: str | Path | None,
    side: str,
    output: str | Path,
) -> None:
    """Write a patient's lesion on the atlas grid (uint8, 0 or 1).

    A mask that cannot be used is not replaced by what is found on DWI: the patient is left out of what needs
    a lesion, and keeps the rest.

    Parameters
    ----------
    dwi, transform : paths
        Of preprocessed/<patient>: the DWI, and t2w_to_atlas.txt.
    drawn : path or None
        The drawn mask; None: the lesion is found on DWI.
    scan : path or None
        The series on whose grid it was drawn; None: it was drawn on the atlas grid.
    side : left, right, both, none, or empty where unknown
        Where the sheet has the lesion.

    Raises
    ------
    PatientError
        The mask cannot be used (`read_mask`, `require_possible`), or lies wholly in the contralateral
        hemisphere or outside the atlas; or no lesion is found on DWI; or the sheet says that there is none.
    """
    if side == NO_LESION:
        raise PatientError(patient, "the cohort sheet says that there is no acute lesion (lesion_side none)")
    registered = read_volume(dwi, patient=patient, series="dwi")
    if drawn:
        raw = read_volume(scan, patient=patient, series="dwi") if scan else registered
        mask = read_mask(drawn, patient=patient, scan=raw)
        lesion = carry_mask(mask, grid=registered, transform=np.loadtxt(transform))
        found = [name for name, half in zip(SIDES, _halves(lesion), strict=True) if half.any()]
        if not found:
            raise PatientError(
                patient, f"lesion_mask file {Path(drawn).name} marks no voxel inside the atlas; draw it anew"
            )
        require_possible(lesion, brain=registered.data > 0, patient=patient, name=Path(drawn).name)
        if side in SIDES and side not in found:
            raise PatientError(
                patient,
                f"lesion_mask file {Path(drawn).name} lies on the {found[0]}, and column lesion_side is "
                f"{side}; correct one of them",
            )
    else:
        lesion = locate_on_dwi(registered, side=side or BOTH)
        if not lesion.data.any():
            raise PatientError(
                patient, "no lesion is found on DWI; draw it and name the file in column lesion_mask"
            )
    write_volume(output, lesion, dtype=np.uint8)


def _halves(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    require_symmetric_grid(volume)
    half = volume.shape[0] // 2
    return volume.data[:half], volume.data[half:]


def write_volumes(
    lesions: Iterable[str | Path],
    volumes: str | Path,
    *,
    preprocessed: Iterable[str | Path],
    drawn: Collection[str],
) -> None:
    """Write each patient's lesion volume, in the patient's own space, as TSV (`COLUMNS`).

    Parameters
    ----------
    lesions, preprocessed : paths
        Tables of the batches' files (`batches`): lesion; t2w_to_atlas, whose scaling divides volumes.
    drawn : patients
        Those whose lesions a person drew.
    """
    files = read_batches(lesions)
    rows = []
    for patient, others in read_batches(preprocessed, only=files).items():
        path = files[patient]["lesion"]
        if reason := read_exclusion(path):
            rows.append((patient, "", NONE, reason))
            continue
        lesion = read_volume(path, patient=patient, series="lesion")
        scaling = np.linalg.det(np.loadtxt(others["t2w_to_atlas"]))
        volume_ml = lesion.data.sum() * lesion.spacing.prod() / 1000 / scaling
        rows.append((patient, f"{volume_ml:.3f}", DRAWN if patient in drawn else FOUND, ""))
    write_cells(volumes, COLUMNS, rows)


class Size(NamedTuple):
    """A patient's line of volumes.tsv; volume_ml is None where there is no lesion."""

    volume_ml: float | None
    source: str


def read_volumes(path: str | Path) -> dict[str, Size]:
    """Read volumes.tsv (`write_volumes`): patient -> volume and source."""
    return {
        patient: Size(float(volume_ml) if volume_ml else None, source)
        for patient, volume_ml, source in read_columns(path, "patient", "volume_ml", "source")
    }


def read_lesion(path: str | Path, *, patient: str) -> np.ndarray:
    """Read a patient's lesion as the hemispheres are stored: (2, x, y, z) bool, left, then right mirrored."""
    lesion = read_volume(path, patient=patient, series="lesion")
    return split_hemispheres({"lesion": lesion})[:, 0] > 0
