"""Tissue of the brain: relaxation, diffusion, and the signal that a series makes of it.

Values are effective ones: with them, the series have the contrasts of the real scans in
docs/methods/phantoms.md.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokeclock.phantom.clinic import EpiProtocol, FlairProtocol, PatientRecord
from strokeclock.phantom.signal import CSF_T1_MS, diffusion_signal, flair_signal


class Tissue(NamedTuple):
    """Parameters of a tissue; scalars or arrays of one shape.

    pd      proton density, water = 1
    t1, t2  ms
    adc     mm2/s
    mt      share of the FLAIR signal that magnetisation transfer leaves: each slice's refocusing pulses
            saturate the bound protons of the others
    """

    pd: float | NDArray
    t1: float | NDArray
    t2: float | NDArray
    adc: float | NDArray
    mt: float | NDArray = 1.0


TISSUES = {  # by field strength, T
    1.5: {
        "gm": Tissue(0.82, 1124.0, 89.0, 0.78e-3, 0.93),
        "wm": Tissue(0.70, 884.0, 86.0, 0.74e-3, 0.82),
        "csf": Tissue(1.00, CSF_T1_MS, 2000.0, 3.00e-3),
        "wmh": Tissue(0.80, 1150.0, 118.0, 1.05e-3, 0.90),
    },
    3.0: {
        "gm": Tissue(0.82, 1400.0, 83.0, 0.78e-3, 0.93),
        "wm": Tissue(0.70, 950.0, 80.0, 0.74e-3, 0.72),
        "csf": Tissue(1.00, CSF_T1_MS, 1800.0, 3.00e-3),
        "wmh": Tissue(0.80, 1350.0, 112.0, 1.05e-3, 0.88),
    },
}


def healthy_tissues(record: PatientRecord) -> dict[str, Tissue]:
    """Return the tissues of `TISSUES` at the patient's field strength, with the patient's own T2."""
    tissues = dict(TISSUES[record.field_t])
    for name, log_t2 in (("gm", record.log_t2_gm), ("wm", record.log_t2_wm)):
        tissues[name] = tissues[name]._replace(t2=tissues[name].t2 * np.exp(log_t2))
    return tissues


def weigh_diffusion(tissue: Tissue, protocol: EpiProtocol, *, b: float) -> NDArray:
    """Return a tissue's noise-free signal under diffusion EPI; `b` 0 is the T2w series (b0)."""
    times = {"tr": protocol.tr_ms, "te": protocol.te_ms}
    return diffusion_signal(tissue.pd, tissue.t1, tissue.t2, tissue.adc, **times, b=b)


def weigh_flair(tissue: Tissue, protocol: FlairProtocol) -> NDArray:
    """Return a tissue's noise-free signal under FLAIR."""
    times = {"tr": protocol.tr_ms, "te": protocol.te_ms, "ti": protocol.ti_ms}
    return tissue.mt * flair_signal(tissue.pd, tissue.t1, tissue.t2, **times)
