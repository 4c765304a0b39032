"""Noise-free contrast of a lesion: its signal over that of healthy tissue of the same grey and white mix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.ischaemia import TISSUES, Tissue, adc_ratio, infarct, log_t2_ratio
from strokeclock.phantom.signal import SERIES, diffusion_signal, flair_signal


class LesionContrast:
    """Log signal ratios of n lesions, one a patient, as functions of the lesions' parameters.

    Parameters
    ----------
    records : patients, for field strength and protocol
    grey_share : (n,) share of grey matter in each lesion; the rest is white
    contrast_gain : as in ischaemia.infarct
    axes : number of axes after the patients' that the arguments of `log_ratio` have
    """

    def __init__(
        self, records: Sequence[PatientRecord], grey_share: ArrayLike, *, contrast_gain: float, axes: int = 0
    ):
        def column(values: ArrayLike) -> np.ndarray:
            return np.asarray(values, dtype=float).reshape(len(records), *[1] * axes)

        def tissue(name: str) -> Tissue:
            rows = [TISSUES[record.field_t][name] for record in records]
            return Tissue(*(column(values) for values in zip(*rows, strict=True)))

        share = column(grey_share)
        self._mix = ((tissue("gm"), share), (tissue("wm"), 1 - share))
        self._epi = {key: column([getattr(r.epi, f"{key}_ms") for r in records]) for key in ("tr", "te")}
        self._flair = {
            key: column([getattr(r.flair, f"{key}_ms") for r in records]) for key in ("tr", "te", "ti")
        }
        self._b_value = column([r.epi.b_value for r in records])
        self._gain = contrast_gain

    def log_ratio(self, channel: str, **lesion: ArrayLike) -> np.ndarray:
        """Log of lesion over healthy signal in `channel` (`SERIES`); `lesion` as in ischaemia.infarct."""
        healthy = ill = 0.0
        for tissue, share in self._mix:
            healthy = healthy + share * self._signal(channel, tissue)
            ill = ill + share * self._signal(channel, infarct(tissue, contrast_gain=self._gain, **lesion))
        return np.log(ill / healthy)

    def _signal(self, channel: str, tissue: Tissue) -> np.ndarray:
        if channel == "flair":
            return flair_signal(tissue.pd, tissue.t1, tissue.t2, **self._flair)
        b_values: dict[str, float | np.ndarray] = {"t2w": 0.0, "dwi": self._b_value}
        return diffusion_signal(*tissue, **self._epi, b=b_values[channel])


def true_log_ratios(
    records: Sequence[PatientRecord], grey_share: ArrayLike, *, contrast_gain: float
) -> dict[str, np.ndarray]:
    """Each patient's true log ratios, (n,) a channel, from the laws and the patient's own parameters."""

    def column(name: str) -> np.ndarray:
        return np.array([getattr(record, name) for record in records])

    u = column("tissue_hours")
    lesion = {
        "tissue_hours": u,
        "radc": adc_ratio(u, core_radc=column("core_radc")),
        "log_t2": log_t2_ratio(u, t2_rise_ms=column("t2_rise_ms")) + column("log_t2_nuisance"),
        "log_t1_nuisance": column("log_t1_nuisance"),
    }
    contrast = LesionContrast(records, grey_share, contrast_gain=contrast_gain)
    return {channel: contrast.log_ratio(channel, **lesion) for channel in SERIES}
