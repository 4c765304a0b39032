"""The change of tissue under ischaemia with tissue time u, in hours (docs/methods/phantom-clock.md).

Laws after Nagesh 1998 (ADC), Damion 2019 and McGarry 2020 (T2).
"""

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.tissue import Tissue

LESION_ADC_SD = 0.11e-3  # mm2/s, between the voxels of one lesion
LESION_LOG_T2_SD = 0.12  # likewise of log T2, before the contrast gain


def adc_ratio(tissue_hours: ArrayLike, *, core_radc: ArrayLike) -> np.ndarray:
    """Lesion over healthy ADC: r + (1 - r) exp(-u / 0.35 h) with r = `core_radc`.

    Within an hour it is near its lowest:

    >>> adc_ratio([0, 0.35, 1, 24], core_radc=0.6).round(2).tolist()
    [1.0, 0.75, 0.62, 0.6]
    """
    return core_radc + (1 - np.asarray(core_radc)) * np.exp(-np.asarray(tissue_hours) / 0.35)


def spread_adc_ratio(radc: ArrayLike, *, tissue_hours: ArrayLike, time_factor: float) -> np.ndarray:
    """Lesion over healthy ADC at `time_factor` times the tissue time at which it is `radc`."""
    if time_factor == 1:
        return np.asarray(radc)
    left = np.exp(-np.asarray(tissue_hours) / 0.35)
    core_radc = (np.asarray(radc) - left) / (1 - left)
    return adc_ratio(np.asarray(tissue_hours) * time_factor, core_radc=core_radc)


def log_t2_ratio(tissue_hours: ArrayLike, *, t2_rise_ms: ArrayLike) -> np.ndarray:
    """Log of lesion over healthy T2: ln(1 + A / 82 ms (1 - exp(-u / 14.5 h))) with A = `t2_rise_ms`."""
    return np.log1p(np.asarray(t2_rise_ms) / 82 * _risen(tissue_hours, 14.5))


def infarct(
    healthy: Tissue,
    *,
    tissue_hours: ArrayLike,
    radc: ArrayLike,
    log_t2: ArrayLike,
    log_t1_nuisance: ArrayLike,
    contrast_gain: float,
) -> Tissue:
    """Lesion tissue that was `healthy`, at tissue time u = `tissue_hours`; arguments broadcast.

    radc             lesion over healthy ADC
    log_t2           log of lesion over healthy T2, nuisance included
    log_t1_nuisance  error of the lesion's log T1 about its law
    contrast_gain    multiplies `log_t2`: time signal and nuisance grow together, information is unchanged

    T1 rises by 7.5 % with a time constant of 2 h, proton density by 1 % with 6 h.
    """
    return healthy._replace(
        pd=healthy.pd * (1 + 0.01 * _risen(tissue_hours, 6)),
        t1=healthy.t1 * (1 + 0.075 * _risen(tissue_hours, 2)) * np.exp(log_t1_nuisance),
        t2=healthy.t2 * np.exp(contrast_gain * np.asarray(log_t2)),
        adc=healthy.adc * np.asarray(radc),
    )


def lesion_tissue(
    healthy: Tissue,
    record: PatientRecord,
    *,
    contrast_gain: float,
    time_factor: float | np.ndarray = 1.0,
    log_t2_change: float | np.ndarray = 0.0,
) -> Tissue:
    """The patient's lesion where the tissue was `healthy`, at its mean ADC (voxels vary by LESION_ADC_SD).

    time_factor    what a place's tissue time is of the lesion's
    log_t2_change  a place's log T2 over the lesion's, at the same tissue time
    """
    u = record.tissue_hours * np.asarray(time_factor)
    return infarct(
        healthy,
        tissue_hours=u,
        radc=adc_ratio(u, core_radc=record.core_radc),
        log_t2=log_t2_ratio(u, t2_rise_ms=record.t2_rise_ms) + record.log_t2_nuisance + log_t2_change,
        log_t1_nuisance=record.log_t1_nuisance,
        contrast_gain=contrast_gain,
    )


def _risen(tissue_hours: ArrayLike, constant_hours: float) -> np.ndarray:
    return -np.expm1(-np.asarray(tissue_hours, dtype=float) / constant_hours)
