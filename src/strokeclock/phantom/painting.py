"""Paint a brain and its lesions: the noise-free signal of every point in each series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokeclock.phantom.anatomy import Brain
from strokeclock.phantom.clinic import LESION_STREAM, TISSUE_STREAM, PatientRecord
from strokeclock.phantom.head import OUTER_TISSUES, Head
from strokeclock.phantom.infarct import grow_hyperintensities, grow_infarct, grow_old_infarct
from strokeclock.phantom.ischaemia import LESION_ADC_SD, LESION_LOG_T2_SD, lesion_tissue
from strokeclock.phantom.lattice import draw_lattice
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.tissue import Tissue, healthy_tissues, weigh_diffusion, weigh_flair
from strokeclock.series import SIDES

IRON_R2_PER_S = {1.5: 3.0, 3.0: 5.5}  # added to 1/T2 by the iron of a full share of pallidum
TIME_SMOOTHING_MM = 6.0  # of the field of times within a lesion
TEXTURE = 0.025  # SD of the log of healthy tissue's signal from place to place
ADC_TEXTURE = 0.14  # the same of its ADC


@dataclass(frozen=True)
class Lesions:
    """Shares (n,) of each point of a brain in lesions: acute infarct, hyperintensity, old core, old rim."""

    acute: NDArray
    hyperintense: NDArray
    core: NDArray
    rim: NDArray


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


def measure_signal(series: str, tissue: Tissue, record: PatientRecord) -> NDArray:
    """Return a tissue's noise-free signal in t2w, dwi or flair under the record's protocol."""
    if series == "flair":
        return weigh_flair(tissue, record.flair)
    return weigh_diffusion(tissue, record.epi, b={"t2w": 0.0, "dwi": record.epi.b_value}[series])


def measure_grey(series: str, record: PatientRecord) -> float:
    """Return healthy grey matter's signal, the unit of noise and brightness."""
    return float(measure_signal(series, healthy_tissues(record)["gm"], record))


def paint_brain(
    brain: Brain, lesions: Lesions, record: PatientRecord, *, seed: int, settings: Mapping[str, Any]
) -> dict[str, NDArray]:
    """Return the noise-free signal (n,) of every point of the brain in each series.

    `settings` is the configuration's `phantom` section: contrast_gain and lesion_time_sigma are read.
    """
    rng = np.random.default_rng([seed, record.number, TISSUE_STREAM])
    low, high = brain.template.min(1) - 1, brain.template.max(1) + 1
    texture = draw_lattice(rng, low, high, spacing=4.0, smoothing=4.0).sample(brain.template)
    ill = np.flatnonzero(lesions.acute)
    tissues = healthy_tissues(record)
    pulsation = _pulsate(rng, brain)
    adc_texture = draw_lattice(rng, low, high, spacing=1.25, smoothing=1.25).sample(brain.template)
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
    for name, lesion in infarcted.items():
        infarcted[name] = lesion._replace(adc=np.clip(lesion.adc + spots, 0.2e-3, 2.5e-3))
    signals = {}
    for series in SERIES:
        gm, wm, csf, wmh = (
            float(measure_signal(series, tissues[name], record)) for name in ("gm", "wm", "csf", "wmh")
        )
        values = healthy * (gm * brain.gm + wm * brain.wm) + (csf * lesions.core + wmh * scarred) * solid
        for name, share in (("gm", brain.gm[ill]), ("wm", brain.wm[ill])):
            values[ill] += lesions.acute[ill] * share * measure_signal(series, infarcted[name], record)
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
