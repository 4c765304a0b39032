"""MR signal equations of the three series: diffusion-weighted spin-echo EPI and inversion-recovery FLAIR.

Pure functions, vectorised over arrays by broadcasting. Times are in ms, ADC in mm²/s, b in s/mm²;
a signal of 1 is the fully relaxed signal of water (PD 1) without decay.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokeclock import series

SERIES = tuple(name for name, one in series.SERIES.items() if one.phantom and not one.derived)

CSF_T1_MS = 4200.0


def diffusion_signal(
    pd: ArrayLike,
    t1: ArrayLike,
    t2: ArrayLike,
    adc: ArrayLike,
    *,
    tr: float | NDArray,
    te: float | NDArray,
    b: float | NDArray,
) -> NDArray:
    """Return the magnitude of a diffusion-weighted spin-echo EPI; ``b`` 0 is the T2w series (b0).

    S = PD · (1 - exp(-TR/T1)) · exp(-TE/T2) · exp(-b·ADC)
    """
    recovery = 1.0 - np.exp(-tr / np.asarray(t1))
    return np.asarray(pd) * recovery * np.exp(-te / np.asarray(t2)) * np.exp(-b * np.asarray(adc))


def flair_signal(
    pd: ArrayLike,
    t1: ArrayLike,
    t2: ArrayLike,
    *,
    tr: float | NDArray,
    te: float | NDArray,
    ti: float | NDArray,
) -> NDArray:
    """Return the magnitude of an inversion-recovery spin echo.

    S = PD · |1 - 2·exp(-TI/T1) + exp(-TR/T1)| · exp(-TE/T2)
    """
    t1 = np.asarray(t1)
    recovery = np.abs(1.0 - 2.0 * np.exp(-ti / t1) + np.exp(-tr / t1))
    return np.asarray(pd) * recovery * np.exp(-te / np.asarray(t2))


def null_inversion_time(tr: float, *, t1: float = CSF_T1_MS) -> float:
    """Return the TI in ms at which a tissue (default CSF) vanishes on FLAIR: 2445 ms at TR 9000."""
    return t1 * float(np.log(2.0) - np.log1p(np.exp(-tr / t1)))
