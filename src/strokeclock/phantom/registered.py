"""Phantom patients made directly on the atlas grid, as after preprocessing: the fast path.

There is no scanner geometry, bias field or echo-planar distortion. Every patient has a brain of its own, the
same as in native space but for its size, moved by a residual of registration.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from strokeclock.batches import Files, write_batch
from strokeclock.files import replacing
from strokeclock.phantom.anatomy import draw_registered_shape, place_brain
from strokeclock.phantom.clinic import SCANNER_STREAM, SHAPE_STREAM, PatientRecord, cohort_seed, draw_patient
from strokeclock.phantom.lattice import Lattice, frame_lattice
from strokeclock.phantom.painting import grow_lesions, measure_grey, measure_lesion, paint_brain
from strokeclock.phantom.patient import number_of
from strokeclock.phantom.scanner import add_noise, rigid, rotation, write_nifti
from strokeclock.phantom.sheet import write_record, write_sidecars, write_truth
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.sites import SCANNERS

FIELD_LOW, FIELD_HIGH = (-98.5, -134.5, -72.5), (98.5, 98.5, 116.5)  # mm, edges of the ICBM-2009a maps
SUBSLICES = 3  # planes that a slice is averaged over


@dataclass(frozen=True)
class RegisteredPatient:
    """One patient on the atlas grid (RAS, x symmetric about 0); arrays (X, Y, Z).

    volumes    t2w, dwi, flair (arbitrary units) and adc (mm2/s), float32, 0 outside the brain
    measured   measured on the images; together with the record it is the truth
    """

    record: PatientRecord
    affine: NDArray
    volumes: dict[str, NDArray]
    brain_mask: NDArray
    lesion: NDArray
    measured: dict[str, Any]


def grid_affine(grid: Sequence[int]) -> NDArray:
    """Return the affine (4, 4) of the atlas grid: the field of the ICBM-2009a maps, edge to edge."""
    spacing = (np.array(FIELD_HIGH) - FIELD_LOW) / grid
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = FIELD_LOW + spacing / 2
    return affine


def subslice_frame(grid: tuple[int, int, int]) -> Lattice:
    """Return the frame of the atlas grid with SUBSLICES planes a slice."""
    fine = (grid[0], grid[1], SUBSLICES * grid[2])
    affine = grid_affine(fine)
    return frame_lattice(fine, affine[:3, 3].tolist(), np.diag(affine)[:3].tolist())


def make_registered_patient(
    number: int, *, seed: int, settings: Mapping[str, Any], grid: tuple[int, int, int]
) -> RegisteredPatient:
    """Make patient `number` of the cohort `seed` on the atlas grid of `grid` voxels (x even)."""
    record = draw_patient(number, seed=seed, settings=settings)
    rng = np.random.default_rng([seed, number, SCANNER_STREAM])
    residue = _draw_residue(rng, degrees=1.5, millimetres=1.2, scale=0.012)
    slip = _draw_residue(rng, degrees=0.4, millimetres=0.5, scale=0.0)
    frame = subslice_frame(grid)
    shape = draw_registered_shape(
        np.random.default_rng([seed, number, SHAPE_STREAM]), age=record.age, sex=record.sex, residue=residue
    )
    index, brain = place_brain(shape, frame)
    point_ml = float(np.prod(frame.spacing)) / 1000

    lesions = grow_lesions(brain, record, seed=seed, point_ml=point_ml)
    signals = paint_brain(brain, lesions, record, seed=seed, settings=settings)

    def fill(values: NDArray | float) -> NDArray[np.float32]:
        volume = np.zeros(frame.values.shape, np.float32)
        volume.ravel()[index] = values
        return volume

    def average(volume: NDArray) -> NDArray[np.float32]:
        return volume.reshape(*grid, SUBSLICES).mean(-1)

    def slipped(volume: NDArray) -> NDArray[np.float32]:
        to_mm = grid_affine(frame.values.shape)
        motion = np.linalg.inv(to_mm) @ np.linalg.inv(slip) @ to_mm
        return affine_transform(volume, motion[:3, :3], motion[:3, 3], order=1)

    mask = average(fill(1.0)) > 0.5
    snr = {series: rng.uniform(*SCANNERS[record.site].snr[series]) for series in SERIES}
    volumes = {}
    for series in SERIES:
        volume = fill(signals[series])
        image = average(slipped(volume) if series == "flair" else volume)
        volumes[series] = add_noise(rng, image, sigma=measure_grey(series, record) / snr[series]) * mask
    inside = mask & (volumes["t2w"] > 0) & (volumes["dwi"] > 0)
    ratio = np.divide(volumes["t2w"], volumes["dwi"], out=np.ones_like(volumes["t2w"]), where=inside)
    volumes["adc"] = np.clip(np.log(ratio) / np.float32(record.epi.b_value), 0, 4e-3)
    return RegisteredPatient(
        record=record,
        affine=grid_affine(grid),
        volumes=volumes,
        brain_mask=mask.astype(np.uint8),
        lesion=(average(fill(lesions.acute * (brain.gm + brain.wm))) > 0.5).astype(np.uint8),
        measured=measure_lesion(brain, lesions, point_ml=point_ml),
    )


def _draw_residue(rng: np.random.Generator, *, degrees: float, millimetres: float, scale: float) -> NDArray:
    """Draw the residual affine (4, 4) of registration, about the middle of the brain."""
    turn = rotation(*rng.normal(0, degrees, 3)) @ np.diag(1 + rng.normal(0, scale, 3))
    return rigid(turn, rng.normal(0, millimetres, 3), about=np.array([0.0, -18.0, 10.0]))


def write_registered_patient(
    patient: RegisteredPatient,
    *,
    folder: str | Path,
    lesion: str | Path,
    transforms: Iterable[str | Path] = (),
) -> None:
    """Write `folder`/{t2w,dwi,flair,adc,brain_mask}.nii.gz, the true lesion, and identity transforms."""
    folder = Path(folder)
    for name, volume in patient.volumes.items():
        write_nifti(folder / f"{name}.nii.gz", volume, patient.affine)
    write_nifti(folder / "brain_mask.nii.gz", patient.brain_mask, patient.affine)
    write_nifti(lesion, patient.lesion, patient.affine)
    for path in transforms:
        with replacing(path) as beside:
            np.savetxt(beside, np.eye(4))


def make_registered_batch(
    files: Files, table: str | Path, *, settings: Mapping[str, Any], grid: Sequence[int]
) -> None:
    """Make patients in turn directly on the atlas grid, and write a table of their files.

    Parameters
    ----------
    files : patient -> name -> file
        t2w and the other files of `write_registered_patient` in one folder, the sidecars t2w_sidecar …, the
        transforms <one>_to_<other>, and record; of the truth lesion and truth.
    settings : mapping
        The configuration's `phantom` section.
    grid : voxels, x y z; x even.
    """
    x, y, z = grid
    for name, paths in files.items():
        patient = make_registered_patient(
            number_of(name), seed=cohort_seed(settings), settings=settings, grid=(x, y, z)
        )
        folder = Path(paths["t2w"]).parent
        write_registered_patient(
            patient,
            folder=folder,
            lesion=paths["lesion"],
            transforms=[path for kind, path in paths.items() if "_to_" in kind],
        )
        scans = {series: str(folder / f"{series}.nii.gz") for series in SERIES}  # channels may leave one out
        write_truth(paths["truth"], patient.record, **patient.measured)
        write_record(paths["record"], patient.record, series=scans, settings=settings)
        sidecars = {series: paths[f"{series}_sidecar"] for series in SERIES}
        write_sidecars(sidecars, patient.record, is_scan=False)
    write_batch(table, files)
