"""Make one phantom patient: from the record to the scanner's files, and the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokeclock.batches import Files, write_batch
from strokeclock.phantom.anatomy import Brain, draw_shape
from strokeclock.phantom.clinic import PatientRecord, draw_patient
from strokeclock.phantom.head import OUTER_TISSUES, Head, form_head
from strokeclock.phantom.infarct import grow_hyperintensities, grow_infarct, grow_old_infarct
from strokeclock.phantom.ischaemia import LESION_ADC_SD, LESION_LOG_T2_SD, lesion_tissue
from strokeclock.phantom.lattice import Lattice, draw_lattice
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
from strokeclock.phantom.tissue import Tissue, healthy_tissues, weigh_diffusion, weigh_flair
from strokeclock.series import SIDES

IRON_R2_PER_S = {1.5: 3.0, 3.0: 5.5}  # added to 1/T2 by the iron of a full share of pallidum
TIME_SMOOTHING_MM = 6.0  # of the field of times within a lesion
TEXTURE = 0.025  # SD of the log of healthy tissue's signal from place to place
ADC_TEXTURE = 0.14  # the same of its ADC

# Each aspect of a patient has its own random stream, (seed, number, stream).
SHAPE_STREAM, LESION_STREAM, HEAD_STREAM, SCANNER_STREAM, TISSUE_STREAM = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Lesions:
    """Shares (n,) of each point of a brain in lesions: acute infarct, hyperintensity, old core, old rim."""

    acute: NDArray
    hyperintense: NDArray
    core: NDArray
    rim: NDArray


@dataclass(frozen=True)
class Scan:
    """One series as the scanner stores it: int16 data (X, Y, Z), affine index to world (mm)."""

    data: NDArray
    affine: NDArray


@dataclass(frozen=True)
class PhantomPatient:
    """The three series of one patient, and the truth.

    lesion, brain_mask   (X, Y, Z) uint8 on the grid of the T2w series
    measured             measured on the images and their geometry; together with the record it is the truth
    """

    record: PatientRecord
    scans: dict[str, Scan]
    lesion: NDArray
    brain_mask: NDArray
    measured: dict[str, Any]


def grow_lesions(brain: Brain, record: PatientRecord, *, seed: int, point_ml: float) -> Lesions:
    """Place all lesions of the record in a brain whose points have a volume of `point_ml` each."""
    rng = np.random.default_rng([seed, record.number, LESION_STREAM])
    nothing = np.zeros(len(brain.gm), np.float32)
    acute = nothing
    for side in SIDES:
        volume_ml = getattr(record, f"lesion_volume_{side}_ml")
        if volume_ml > 0:
            grown = grow_infarct(
                rng, brain, territory=record.territory, side=side, volume_ml=volume_ml, point_ml=point_ml
            )
            acute = np.maximum(acute, grown)
    hyperintense = nothing
    if record.wmh_volume_ml > 0:
        hyperintense = grow_hyperintensities(rng, brain, volume_ml=record.wmh_volume_ml, point_ml=point_ml)
    core, rim = nothing, nothing
    for old in record.old_infarcts:
        more = grow_old_infarct(rng, brain, side=old.side, volume_ml=old.volume_ml, point_ml=point_ml)
        core, rim = np.maximum(core, more[0]), np.maximum(rim, more[1])
    core = core * (1 - acute)
    return Lesions(acute=acute, hyperintense=hyperintense, core=core, rim=np.minimum(rim, 1 - core))


def measure_signal(series: str, tissue: Tissue, record: PatientRecord) -> NDArray:
    """Return a tissue's noise-free signal in t2w, dwi or flair under the record's protocol."""
    if series == "flair":
        return weigh_flair(tissue, record.flair)
    return weigh_diffusion(tissue, record.epi, b={"t2w": 0.0, "dwi": record.epi.b_value}[series])


def measure_grey(series: str, record: PatientRecord) -> float:
    """Return healthy grey matter's signal, the unit of noise and brightness."""
    return float(measure_signal(series, healthy_tissues(record)["gm"], record))


def paint_brain(
    brain: Brain, lesions: Lesions, record: PatientRecord, *, settings: Mapping[str, Any]
) -> dict[str, NDArray]:
    """Return the noise-free signal (n,) of every point of the brain in each series.

    `settings` is the configuration's `phantom` section: seed, contrast_gain and lesion_time_sigma are read.
    """
    rng = np.random.default_rng([settings["seed"], record.number, TISSUE_STREAM])
    low, high = brain.template.min(1) - 1, brain.template.max(1) + 1
    texture = draw_lattice(rng, low, high, spacing=4.0, smoothing=4.0).sample(brain.template)
    ill = np.flatnonzero(lesions.acute)
    tissues = healthy_tissues(record)
    pulsation = _pulsate(rng, brain)
    adc_texture = draw_lattice(rng, low, high, spacing=2.5, smoothing=2.5).sample(brain.template)
    spots, times, uneven = (
        sd * _standardise(_spot(rng, brain.template[:, ill], smoothing_mm=mm), lesions.acute[ill])
        for sd, mm in (
            (LESION_ADC_SD, 2.0),
            (settings["lesion_time_sigma"], TIME_SMOOTHING_MM),
            (LESION_LOG_T2_SD, 4.0),
        )
    )

    kept = (1 - lesions.core) * (1 - lesions.rim)
    scarred = (1 - lesions.core) * lesions.rim + kept * lesions.hyperintense * (brain.wm > brain.gm)
    scarred = np.minimum(scarred, 1) * (1 - lesions.acute)
    healthy = np.clip(1 - lesions.core - scarred - lesions.acute, 0, 1)
    solid = brain.gm + brain.wm
    infarcted = {
        name: lesion_tissue(
            tissues[name],
            record,
            contrast_gain=settings["contrast_gain"],
            time_factor=np.exp(times),
            log_t2_change=uneven,
        )
        for name in ("gm", "wm")
    }
    signals = {}
    for series in SERIES:
        gm, wm, csf, wmh = (
            float(measure_signal(series, tissues[name], record)) for name in ("gm", "wm", "csf", "wmh")
        )
        values = healthy * (gm * brain.gm + wm * brain.wm) + (csf * lesions.core + wmh * scarred) * solid
        for name, share in (("gm", brain.gm[ill]), ("wm", brain.wm[ill])):
            lesion = infarcted[name]
            lesion = lesion._replace(adc=np.clip(lesion.adc + spots, 0.2e-3, 2.5e-3))
            values[ill] += lesions.acute[ill] * share * measure_signal(series, lesion, record)
        echo_s = (record.flair if series == "flair" else record.epi).te_ms / 1000
        if series == "dwi":
            adc = (tissues["gm"].adc * brain.gm + tissues["wm"].adc * brain.wm) * (1 - lesions.acute)
            values *= np.exp(-record.epi.b_value * adc * np.expm1(ADC_TEXTURE * adc_texture))
        values *= np.exp(TEXTURE * texture - echo_s * IRON_R2_PER_S[record.field_t] * brain.iron)
        fluid = csf + (gm * pulsation if series == "flair" else 0.0)
        signals[series] = (values + fluid * brain.csf).astype(np.float32)
    return signals


def _standardise(values: NDArray, weights: NDArray) -> NDArray:
    """Return values (m,) of mean 0 and SD 1 under the weights; 0 where they are all the same."""
    if not values.size or not np.ptp(values):
        return np.zeros_like(values)
    centred = values - np.average(values, weights=weights)
    return centred / np.sqrt(np.average(centred**2, weights=weights))


def _spot(rng: np.random.Generator, points: NDArray, *, smoothing_mm: float) -> NDArray[np.float32]:
    """Draw the unevenness of a lesion, SD 1, at its points (3, m)."""
    if not points.size:
        return np.zeros(0, np.float32)
    return draw_lattice(
        rng, points.min(1) - 1, points.max(1) + 1, spacing=2.0, smoothing=smoothing_mm
    ).sample(points)


def _pulsate(rng: np.random.Generator, brain: Brain) -> NDArray:
    """Inflow of uninverted fluid on FLAIR over grey matter's signal (n,): strong in one patient of ten."""
    amplitude = rng.uniform(0.7, 1.3) if rng.random() < 0.1 else rng.uniform(0.05, 0.25)
    _, y, z = brain.template
    return amplitude * np.exp(-(((z + 28) / 20) ** 2) - ((y + 25) / 35) ** 2)


def paint_outer(head: Head, record: PatientRecord, *, fat_left: Mapping[str, float]) -> dict[str, NDArray]:
    """Return the signal (m,) around the brain; `fat_left`: share of the fat signal left, by series."""
    signals = {}
    for series in SERIES:
        total = np.zeros(len(head.outer_index), np.float32)
        for name, tissue in OUTER_TISSUES[record.field_t].items():
            left = fat_left[series] if name in ("fat", "marrow") else 1.0
            total += np.float32(left * measure_signal(series, tissue, record)) * head.outer[name]
        signals[series] = total
    return signals


def make_patient(number: int, *, seed: int, settings: Mapping[str, Any]) -> PhantomPatient:
    """Make patient `number` of the cohort `seed` as a scanner gives it; every call makes the same.

    `settings` is the configuration's `phantom` section.
    """
    record = draw_patient(number, seed=seed, settings=settings)
    shape = draw_shape(np.random.default_rng([seed, number, SHAPE_STREAM]), age=record.age, sex=record.sex)
    head = form_head(np.random.default_rng([seed, number, HEAD_STREAM]), shape)
    lesions = grow_lesions(head.brain, record, seed=seed, point_ml=head.point_ml)
    inner = paint_brain(head.brain, lesions, record, settings=settings)
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


def measure_lesion(brain: Brain, lesions: Lesions, *, point_ml: float) -> dict[str, float]:
    """Return the acute lesion's volumes as placed (mL), its share of grey matter, and the brain's volume."""
    weights = lesions.acute * (brain.gm + brain.wm)
    left = brain.template[0] < 0
    return {
        "placed_volume_left_ml": float(weights[left].sum() * point_ml),
        "placed_volume_right_ml": float(weights[~left].sum() * point_ml),
        "grey_share": float((lesions.acute * brain.gm).sum() / weights.sum()),
        "brain_volume_ml": len(brain.gm) * point_ml,
    }


def write_patient(
    patient: PhantomPatient,
    *,
    scans: Mapping[str, str | Path],
    lesion: str | Path,
    brain_mask: str | Path,
) -> None:
    """Write the series (paths by name: t2w, dwi, flair) and the true masks."""
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
    for name, paths in files.items():
        patient = make_patient(number_of(name), seed=settings["seed"], settings=settings)
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
