"""Noise-free contrast of a lesion: its signal over that of healthy tissue of the same grey and white mix."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import ArrayLike

from strokeclock.phantom.clinic import T2_RISE_MEDIAN_MS, PatientRecord
from strokeclock.phantom.ischaemia import adc_ratio, infarct, log_t2_ratio, spread_adc_ratio
from strokeclock.phantom.signal import SERIES, diffusion_signal, flair_signal
from strokeclock.phantom.tissue import Tissue, healthy_tissues

TIMES = 3  # nodes of the quadrature over the times within a lesion


class LesionContrast:
    """Log signal ratios of n lesions, one a patient, as functions of the lesions' parameters.

    Parameters
    ----------
    records : patients, for tissue and protocol
    grey_share : (n,) share of grey matter in each lesion; the rest is white
    contrast_gain : as in ischaemia.infarct
    time_sigma : SD of the log of tissue time within a lesion; its signal is the mean over these times
    axes : number of axes after the patients' that the arguments of `log_ratio` have
    """

    def __init__(
        self,
        records: Sequence[PatientRecord],
        grey_share: ArrayLike,
        *,
        contrast_gain: float,
        time_sigma: float,
        axes: int = 0,
    ):
        def column(values: ArrayLike) -> np.ndarray:
            return np.asarray(values, dtype=float).reshape(len(records), *[1] * axes)

        def tissue(name: str) -> Tissue:
            rows = [healthy_tissues(record)[name] for record in records]
            return Tissue(*(column(values) for values in zip(*rows, strict=True)))

        share = column(grey_share)
        self._mix = ((tissue("gm"), share), (tissue("wm"), 1 - share))
        self._epi = {key: column([getattr(r.epi, f"{key}_ms") for r in records]) for key in ("tr", "te")}
        self._flair = {
            key: column([getattr(r.flair, f"{key}_ms") for r in records]) for key in ("tr", "te", "ti")
        }
        self._b_value = column([r.epi.b_value for r in records])
        self._gain = contrast_gain
        nodes, weights = hermegauss(TIMES if time_sigma else 1)
        self._healthy = {
            channel: sum(share * self._signal(channel, tissue) for tissue, share in self._mix)
            for channel in SERIES
        }
        self._times = [*zip(np.exp(time_sigma * nodes), weights / weights.sum(), strict=True)]

    def log_ratio(
        self,
        channel: str,
        *,
        tissue_hours: float | np.ndarray,
        radc: float | np.ndarray,
        log_t2: float | np.ndarray,
        log_t1_nuisance: float | np.ndarray,
        t2_rise_ms: float | np.ndarray = T2_RISE_MEDIAN_MS,
    ) -> np.ndarray:
        """Log of lesion over healthy signal in `channel` (`SERIES`).

        tissue_hours, radc, log_t2, log_t1_nuisance  as in ischaemia.infarct, where the tissue time is the
            lesion's median
        t2_rise_ms  how much the log T2 ratio changes with the times around it
        """
        ill = sum(
            share * self._signal(channel, lesion)
            for share, lesion in self._lesions(tissue_hours, radc, log_t2, log_t1_nuisance, t2_rise_ms)
        )
        return np.log(ill / self._healthy[channel])

    def along_log_t2(
        self,
        channel: str,
        *,
        tissue_hours: float | np.ndarray,
        radc: float | np.ndarray,
        log_t1_nuisance: float | np.ndarray,
    ) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """`log_ratio` as a function of the log T2 ratio alone: returns its value and its derivative.

        What does not depend on T2 is computed once: the signal is a sum of terms a · exp(-TE / T2).
        """
        te = self._flair["te"] if channel == "flair" else self._epi["te"]
        terms = [  # a over the healthy signal, and TE / T2 at a log T2 ratio of 0
            (share * self._signal(channel, lesion._replace(t2=np.inf)), te / lesion.t2)
            for share, lesion in self._lesions(tissue_hours, radc, 0.0, log_t1_nuisance, T2_RISE_MEDIAN_MS)
        ]
        healthy = self._healthy[channel]

        def evaluate(log_t2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            longer = np.exp(-self._gain * log_t2)
            ill, slope = np.zeros_like(longer), np.zeros_like(longer)
            for full, decay in terms:
                left = decay * longer
                signal = full * np.exp(-left)
                ill = ill + signal
                slope = slope + signal * left
            return np.log(ill / healthy), self._gain * slope / ill

        return evaluate

    def _lesions(
        self,
        tissue_hours: float | np.ndarray,
        radc: float | np.ndarray,
        log_t2: float | np.ndarray,
        log_t1_nuisance: float | np.ndarray,
        t2_rise_ms: float | np.ndarray,
    ) -> Iterator[tuple[np.ndarray, Tissue]]:
        """Yield the lesion's parts, one a tissue and time: their share of its signal, and their tissue."""
        hours = np.asarray(tissue_hours, dtype=float)
        for factor, weight in self._times:
            change = log_t2_ratio(hours * factor, t2_rise_ms=t2_rise_ms)
            change -= log_t2_ratio(hours, t2_rise_ms=t2_rise_ms)
            here = {
                "tissue_hours": hours * factor,
                "radc": spread_adc_ratio(radc, tissue_hours=hours, time_factor=factor),
                "log_t2": log_t2 + change,
                "log_t1_nuisance": log_t1_nuisance,
            }
            for tissue, share in self._mix:
                yield weight * share, infarct(tissue, contrast_gain=self._gain, **here)

    def _signal(self, channel: str, tissue: Tissue) -> np.ndarray:
        if channel == "flair":
            return tissue.mt * flair_signal(tissue.pd, tissue.t1, tissue.t2, **self._flair)
        b_values: dict[str, float | np.ndarray] = {"t2w": 0.0, "dwi": self._b_value}
        return diffusion_signal(tissue.pd, tissue.t1, tissue.t2, tissue.adc, **self._epi, b=b_values[channel])


def true_log_ratios(
    records: Sequence[PatientRecord], grey_share: ArrayLike, *, contrast_gain: float, time_sigma: float
) -> dict[str, np.ndarray]:
    """Each patient's true log ratios, (n,) a channel, from the laws and the patient's own parameters."""

    def column(name: str) -> np.ndarray:
        return np.array([getattr(record, name) for record in records])

    u, rise = column("tissue_hours"), column("t2_rise_ms")
    lesion = {
        "tissue_hours": u,
        "radc": adc_ratio(u, core_radc=column("core_radc")),
        "log_t2": log_t2_ratio(u, t2_rise_ms=rise) + column("log_t2_nuisance"),
        "log_t1_nuisance": column("log_t1_nuisance"),
        "t2_rise_ms": rise,
    }
    contrast = LesionContrast(records, grey_share, contrast_gain=contrast_gain, time_sigma=time_sigma)
    return {channel: contrast.log_ratio(channel, **lesion) for channel in SERIES}
