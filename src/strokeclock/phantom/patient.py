"""Make one phantom patient: from the record to the scanner's files, and the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokeclock.batches import Files, write_batch
from strokeclock.host import keep_memory
from strokeclock.phantom.anatomy import draw_shape
from strokeclock.phantom.clinic import (
    HEAD_STREAM,
    SCANNER_STREAM,
    SHAPE_STREAM,
    PatientRecord,
    cohort_seed,
    draw_patient,
)
from strokeclock.phantom.head import form_head
from strokeclock.phantom.lattice import Lattice
from strokeclock.phantom.painting import grow_lesions, measure_grey, measure_lesion, paint_brain, paint_outer
from strokeclock.phantom.scanner import (
    Samples,
    Slices,
    add_ghost,
    add_noise,
    average_slices,
    digitise,
    distort,
    draw_coil,
    draw_pose,
    draw_slip,
    draw_susceptibility,
    flip_columns,
    locate,
    place_slices,
    write_nifti,
)
from strokeclock.phantom.sheet import write_record, write_sidecars, write_truth
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.sites import SCANNERS


@dataclass(frozen=True)
class Scan:
    """One series as the scanner stores it: int16 data (X, Y, Z), affine index to world (mm)."""

    data: NDArray
    affine: NDArray


@dataclass(frozen=True)
class PhantomPatient:
    """The three series of one patient, and the truth.

    Attributes
    ----------
    record
        What was drawn of the patient.
    scans
        Series (t2w, dwi, flair) -> scan.
    lesion, brain_mask
        (X, Y, Z) uint8 on the grid of the T2w series.
    measured
        What was measured on the images and their geometry; together with the record it is the truth.
    """

    record: PatientRecord
    scans: dict[str, Scan]
    lesion: NDArray
    brain_mask: NDArray
    measured: dict[str, Any]


def make_patient(number: int, *, seed: int, settings: Mapping[str, Any]) -> PhantomPatient:
    """Make a patient of a cohort as a scanner gives it; every call makes the same.

    Parameters
    ----------
    number
        Of the patient, from 1.
    seed
        Of the cohort (`clinic.cohort_seed`).
    settings
        The configuration's section phantom.
    """
    record = draw_patient(number, seed=seed, settings=settings)
    shape = draw_shape(np.random.default_rng([seed, number, SHAPE_STREAM]), age=record.age, sex=record.sex)
    head = form_head(np.random.default_rng([seed, number, HEAD_STREAM]), shape)
    lesions = grow_lesions(head.brain, record, seed=seed, point_ml=head.point_ml)
    inner = paint_brain(head.brain, lesions, record, seed=seed, settings=settings)
    rng = np.random.default_rng([seed, number, SCANNER_STREAM])
    scanner = SCANNERS[record.site]
    epi_fat, flair_fat = rng.uniform(*scanner.epi.fat_left), rng.choice(scanner.flair.fat_left)
    outer = paint_outer(head, record, fat_left={"t2w": epi_fat, "dwi": epi_fat, "flair": flair_fat})
    volumes = {series: head.fill(inner[series], outer[series]) for series in SERIES}

    moved, flipped = bool(rng.random() < 0.1), bool(rng.random() < 0.5)
    pose, angles = draw_pose(rng)
    slip = draw_slip(rng, moved=moved)
    coil = draw_coil(rng, strength=scanner.coil)
    epi = place_slices(rng, pose, angles, voxel_mm=record.epi.voxel_mm, slices=record.epi.slices)
    flair = place_slices(rng, slip @ pose, angles, voxel_mm=record.flair.voxel_mm, slices=record.flair.slices)
    still = locate(epi, pose, skin=head.skin)
    images = _scan_epi(rng, volumes, still, coil, record)
    jitter = rng.normal(0, (1.2, 1.2, 0.8), (flair.shape[2], 3)) if moved else None
    seen = locate(flair, slip @ pose, skin=head.skin, jitter=jitter)
    images["flair"] = _scan_flair(rng, volumes["flair"], seen, coil, record, moved=moved)

    def store(data: NDArray, slices: Slices) -> Scan:
        return Scan(*(flip_columns(data, slices.affine) if flipped else (data, slices.affine)))

    def mark(share: NDArray) -> NDArray:
        inside = still.fill(average_slices(head.fill(share), still)) > 0.5
        return store(inside.astype(np.uint8), epi).data

    return PhantomPatient(
        record=record,
        scans={series: store(images[series], flair if series == "flair" else epi) for series in SERIES},
        lesion=mark(lesions.acute * (head.brain.gm + head.brain.wm)),
        brain_mask=mark(np.ones_like(lesions.acute)),
        measured=measure_lesion(head.brain, lesions, point_ml=head.point_ml)
        | {
            "storage": "LAS" if flipped else "RAS",
            "moved": moved,
            "atlas_to_t2w": (pose @ shape.affine).tolist(),
            "t2w_to_flair": slip.tolist(),
            "warp_rms_mm": shape.warp_rms_mm(),
        },
    )


def _scan_epi(
    rng: np.random.Generator,
    volumes: Mapping[str, Lattice],
    still: Samples,
    coil: Lattice,
    record: PatientRecord,
) -> dict[str, NDArray[np.int16]]:
    """Read out b0 and b1000 (X, Y, Z) of a head whose voxels would lie at `still` without distortion."""
    scanner = SCANNERS[record.site]
    disturbance = draw_susceptibility(rng, field_t=record.field_t, distortion=scanner.epi.distortion)
    read, piling = distort(still, disturbance)
    gain = piling * coil.sample(read.middle)
    ghost, rows = rng.uniform(*scanner.epi.ghost), still.slices.shape[1]
    snr = {series: rng.uniform(*scanner.snr[series]) for series in ("t2w", "dwi")}
    grey = {series: measure_grey(series, record) for series in snr}
    # one unit for both, so that their ratio gives the ADC
    unit = rng.uniform(*scanner.epi.brightness) / grey["t2w"]
    images = {}
    for series in snr:
        image = read.fill(average_slices(volumes[series], read) * gain)
        image = add_ghost(image, amplitude=ghost, shift=rows // 2)
        images[series] = digitise(add_noise(rng, image, sigma=grey[series] / snr[series]), unit=unit)
    return images


def _scan_flair(
    rng: np.random.Generator,
    volume: Lattice,
    seen: Samples,
    coil: Lattice,
    record: PatientRecord,
    *,
    moved: bool,
) -> NDArray[np.int16]:
    """Read out FLAIR (X, Y, Z) of a head whose voxels lie at `seen`."""
    image = seen.fill(average_slices(volume, seen) * coil.sample(seen.middle))
    if moved:
        image = add_ghost(image, amplitude=rng.uniform(0.05, 0.12), shift=int(rng.integers(18, 40)))
    scanner, grey = SCANNERS[record.site], measure_grey("flair", record)
    noisy = add_noise(rng, image, sigma=grey / rng.uniform(*scanner.snr["flair"]))
    return digitise(noisy, unit=rng.uniform(*scanner.flair.brightness) / grey)


def write_patient(
    patient: PhantomPatient,
    *,
    scans: Mapping[str, str | Path],
    lesion: str | Path,
    brain_mask: str | Path,
) -> None:
    """Write the series and the true masks as NIfTI.

    Parameters
    ----------
    scans
        Series (t2w, dwi, flair) -> file to write.
    lesion, brain_mask
        The files of the masks, on the grid of the T2w.
    """
    for series, path in scans.items():
        write_nifti(path, patient.scans[series].data, patient.scans[series].affine)
    affine = patient.scans["t2w"].affine
    write_nifti(lesion, patient.lesion, affine)
    write_nifti(brain_mask, patient.brain_mask, affine)


def make_batch(files: Files, table: str | Path, *, settings: Mapping[str, Any]) -> None:
    """Make patients in turn, as a scanner gives them, and write a table of their files.

    Parameters
    ----------
    files : patient -> name -> file
        t2w, dwi, flair in native space, their sidecars t2w_sidecar …, and record; of the truth lesion and
        brain_mask on the T2w grid, and truth.
    settings : mapping
        The configuration's `phantom` section.
    """
    keep_memory()
    for name, paths in files.items():
        patient = make_patient(number_of(name), seed=cohort_seed(settings), settings=settings)
        scans = {series: paths[series] for series in SERIES}
        write_patient(patient, scans=scans, lesion=paths["lesion"], brain_mask=paths["brain_mask"])
        write_truth(paths["truth"], patient.record, **patient.measured)
        write_record(paths["record"], patient.record, series=scans, settings=settings)
        sidecars = {series: paths[f"{series}_sidecar"] for series in SERIES}
        write_sidecars(sidecars, patient.record, is_scan=True)
    write_batch(table, files)


def number_of(name: str) -> int:
    """The number of the patient phantom-<number>."""
    return int(name.removeprefix("phantom-"))
