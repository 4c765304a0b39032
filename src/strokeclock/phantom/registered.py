"""Phantom patients made directly on the atlas grid, as after preprocessing: the fast path.

There is no scanner geometry, bias field or echo-planar distortion. The brains are VARIANTS individuals of the
common template, made once in a process and kept. A patient has one of about the same age, moved by a residual
of registration. Lesions, tissue and noise are individual.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from strokeclock.batches import Files, write_batch
from strokeclock.files import replacing
from strokeclock.phantom.anatomy import Brain, draw_shape, form_brain, load_template
from strokeclock.phantom.clinic import PatientRecord, draw_patient
from strokeclock.phantom.lattice import Lattice
from strokeclock.phantom.patient import (
    SCANNER_STREAM,
    grow_lesions,
    measure_grey,
    measure_lesion,
    number_of,
    paint_brain,
)
from strokeclock.phantom.scanner import add_noise, rigid, rotation, write_nifti
from strokeclock.phantom.sheet import write_record, write_truth
from strokeclock.phantom.signal import SERIES

FIELD_LOW, FIELD_HIGH = (-98.5, -134.5, -72.5), (98.5, 98.5, 116.5)  # mm, edges of the ICBM-2009a maps
VARIANTS = 16
VARIANT_AGES = np.linspace(32, 94, VARIANTS)
VARIANT_SEED = 2009
SUBSLICES = 3  # planes that a slice is averaged over


@dataclass(frozen=True)
class Anatomy:
    """A brain on the atlas grid with SUBSLICES planes a slice; `index` (n,) counts its points in C order."""

    index: NDArray
    brain: Brain


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


def grid_affine(grid: tuple[int, int, int]) -> NDArray:
    """Return the affine (4, 4) of the atlas grid: the field of the ICBM-2009a maps, edge to edge."""
    spacing = (np.array(FIELD_HIGH) - FIELD_LOW) / grid
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = FIELD_LOW + spacing / 2
    return affine


@cache
def load_anatomy(variant: int, grid: tuple[int, int, int]) -> Anatomy:
    """Make individual `variant` (0 to VARIANTS - 1) on the atlas grid; kept in memory for the process."""
    rng = np.random.default_rng([VARIANT_SEED, variant])
    shape = draw_shape(rng, age=VARIANT_AGES[variant], sex="FM"[variant % 2], registered=True)
    fine = (grid[0], grid[1], SUBSLICES * grid[2])
    affine = grid_affine(fine)
    frame = Lattice(np.empty(fine, np.uint8), tuple(affine[:3, 3]), tuple(np.diag(affine)[:3]))
    points = shape.to_template(frame.points()).reshape(3, -1)
    depth = -load_template().hull.sample(points)
    index = np.flatnonzero(depth > 0)
    brain = form_brain(shape, np.ascontiguousarray(points[:, index]), depth[index])
    return Anatomy(index, brain)


def make_registered_patient(
    number: int, *, seed: int, settings: Mapping[str, Any], grid: tuple[int, int, int]
) -> RegisteredPatient:
    """Make patient `number` of the cohort `seed` on the atlas grid of `grid` voxels (x even)."""
    record = draw_patient(number, seed=seed, settings=settings)
    rng = np.random.default_rng([seed, number, SCANNER_STREAM])
    nearest = np.argsort(np.abs(VARIANT_AGES + rng.uniform(-8, 8) - record.age), kind="stable")
    anatomy = load_anatomy(int(nearest[0]), tuple(grid))
    fine = (grid[0], grid[1], SUBSLICES * grid[2])
    affine, fine_affine = grid_affine(grid), grid_affine(fine)
    point_ml = float(np.prod(np.diag(fine_affine)[:3])) / 1000

    lesions = grow_lesions(anatomy.brain, record, seed=seed, point_ml=point_ml)
    signals = paint_brain(anatomy.brain, lesions, record, seed=seed, contrast_gain=settings["contrast_gain"])
    residue = _draw_residue(rng, degrees=1.5, millimetres=1.2, scale=0.012)
    slip = _draw_residue(rng, degrees=0.4, millimetres=0.5, scale=0.0)

    def place(values: NDArray, motion: NDArray) -> NDArray:
        volume = np.zeros(fine, np.float32)
        volume.ravel()[anatomy.index] = values
        index_motion = np.linalg.inv(fine_affine) @ np.linalg.inv(motion) @ fine_affine
        moved = affine_transform(volume, index_motion[:3, :3], index_motion[:3, 3], order=1)
        return moved.reshape(grid[0], grid[1], grid[2], SUBSLICES).mean(-1)

    mask = place(np.ones(len(anatomy.index), np.float32), residue) > 0.5
    snr = {"t2w": rng.uniform(20, 40), "dwi": rng.uniform(8, 15), "flair": rng.uniform(20, 40)}
    volumes = {}
    for series in SERIES:
        image = place(signals[series], slip @ residue if series == "flair" else residue)
        volumes[series] = add_noise(rng, image, sigma=measure_grey(series, record) / snr[series]) * mask
    inside = mask & (volumes["t2w"] > 0) & (volumes["dwi"] > 0)
    ratio = np.divide(volumes["t2w"], volumes["dwi"], out=np.ones_like(volumes["t2w"]), where=inside)
    volumes["adc"] = np.clip(np.log(ratio) / np.float32(record.epi.b_value), 0, 4e-3)
    weights = lesions.acute * (anatomy.brain.gm + anatomy.brain.wm)
    return RegisteredPatient(
        record=record,
        affine=affine,
        volumes=volumes,
        brain_mask=mask.astype(np.uint8),
        lesion=(place(weights, residue) > 0.5).astype(np.uint8),
        measured=measure_lesion(anatomy.brain, lesions, point_ml=point_ml),
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
        t2w, dwi, flair, adc, brain_mask in one folder, the transforms <one>_to_<other>, and record; of the
        truth lesion and truth.
    settings : mapping
        The configuration's `phantom` section.
    grid : voxels, x y z; x even.
    """
    x, y, z = grid
    for name, paths in files.items():
        patient = make_registered_patient(
            number_of(name), seed=settings["seed"], settings=settings, grid=(x, y, z)
        )
        write_registered_patient(
            patient,
            folder=Path(paths["t2w"]).parent,
            lesion=paths["lesion"],
            transforms=[path for kind, path in paths.items() if "_to_" in kind],
        )
        scans = {series: paths[series] for series in SERIES}
        write_truth(paths["truth"], patient.record, **patient.measured)
        write_record(paths["record"], patient.record, series=scans, settings=settings)
    write_batch(table, files)
