"""What tissue is, and what ischaemia does to it with tissue time (docs/phantom-clock.md).

Proton density (water = 1), T1 and T2 in ms, ADC in mm2/s. Healthy values after Stanisz et al. 2005; the laws of
the lesion after Nagesh 1998 (ADC), Damion 2019 and McGarry 2020 (T2).
"""

from typing import NamedTuple

import numpy as np

from strokeclock.phantom.signal import CSF_T1_MS

LESION_ADC_SD = 0.11e-3  # mm2/s, between the voxels of one lesion


class Tissue(NamedTuple):
    """Proton density, T1 (ms), T2 (ms), ADC (mm2/s); scalars or arrays of one shape."""

    pd: float | np.ndarray
    t1: float | np.ndarray
    t2: float | np.ndarray
    adc: float | np.ndarray


TISSUES = {  # by field strength, T
    1.5: {
        "gm": Tissue(0.82, 1124.0, 95.0, 0.83e-3),
        "wm": Tissue(0.70, 884.0, 72.0, 0.73e-3),
        "csf": Tissue(1.00, CSF_T1_MS, 2000.0, 3.00e-3),
        "wmh": Tissue(0.80, 1150.0, 115.0, 1.05e-3),
    },
    3.0: {
        "gm": Tissue(0.82, 1820.0, 99.0, 0.83e-3),
        "wm": Tissue(0.70, 1084.0, 69.0, 0.73e-3),
        "csf": Tissue(1.00, CSF_T1_MS, 1800.0, 3.00e-3),
        "wmh": Tissue(0.80, 1450.0, 110.0, 1.05e-3),
    },
}


def infarct(
    healthy: Tissue, *, tissue_hours, core_radc, t2_rise_ms, log_t2_nuisance, contrast_gain: float
) -> Tissue:
    """Lesion tissue that was `healthy`, at tissue time u = `tissue_hours`.

    core_radc         r: rADC(u) = r + (1 - r) exp(-u / 0.35 h)
    t2_rise_ms        A: T2(u) = T2(0) (1 + A / 82 ms (1 - exp(-u / 14.5 h)))
    log_t2_nuisance   added to the log of that T2 ratio
    contrast_gain     multiplies the log T2 ratio and its nuisance together: contrast grows, information stays

    T1 rises by 7.5 % with a time constant of 2 h, proton density by 1 % with 6 h. Arguments broadcast.
    """
    u = np.asarray(tissue_hours, dtype=float)
    radc = core_radc + (1 - core_radc) * np.exp(-u / 0.35)
    log_t2_ratio = np.log1p(t2_rise_ms / 82 * -np.expm1(-u / 14.5)) + log_t2_nuisance
    return Tissue(
        pd=healthy.pd * (1 + 0.01 * -np.expm1(-u / 6)),
        t1=healthy.t1 * (1 + 0.075 * -np.expm1(-u / 2)),
        t2=healthy.t2 * np.exp(contrast_gain * log_t2_ratio),
        adc=healthy.adc * radc,
    )
