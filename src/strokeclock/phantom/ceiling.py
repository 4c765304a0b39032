"""AUC of the best observer of one ratio a series: the practical ceiling of methods that read phantoms.

The observer is given the lesion's noise-free contrast, grey and white matter mixed, and its grey share, the
protocol, the lesion's volume, and every law and distribution of the generator. It is not given the clock
factor, the T2 rise, the ADC ratio, nor the nuisance on T2 and T1. It is no bound: an observer of grey and
white contrasts apart, without any noise, would know the tissue time itself (docs/methods/phantom-clock.md).
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtri
from scipy.stats import rankdata

from strokeclock.files import write_whole
from strokeclock.phantom import clinic
from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.contrast import LesionContrast, true_log_ratios
from strokeclock.phantom.ischaemia import adc_ratio, log_t2_ratio
from strokeclock.phantom.signal import SERIES

log = logging.getLogger(__name__)

LIMITS_HOURS = (3.0, 4.5)
LOG_HOURS = np.linspace(np.log(0.02), np.log(1000), 64)  # grid of the log of tissue time
FINEST_CLOCK, FINEST_NUISANCE = 0.1, 0.01  # SDs that the quadrature resolves; smaller ones are raised to them
STEPS, LONGEST, CLOSE = 10, 0.3, 1e-6  # of Newton's method: steps, the longest step, and how near is solved
CHUNK = 32  # patients at a time: bounds the memory


def draw_grey_share(record: PatientRecord, *, seed: int) -> float:
    """Share of grey matter in the lesion, Beta(4, 3); in a phantom with images the anatomy gives it."""
    return float(np.random.default_rng([seed, record.number, 211]).beta(4, 3))


def ratio_observer(
    records: Sequence[PatientRecord],
    grey_share: np.ndarray,
    *,
    settings: Mapping[str, Any],
    channels: Sequence[str] = SERIES,
) -> np.ndarray:
    """P(TSS < limit | contrast of the lesion) for each patient and each of LIMITS_HOURS, (n, 2).

    `channels`: all three, or a single one. `settings` is the configuration's `phantom` section.
    """
    signals = true_log_ratios(records, grey_share, **_contrast_laws(settings))
    likelihood = _likelihood_of_three if len(channels) == 3 else _likelihood_of_one
    prior, within = _onset_given_tissue_time(settings["tissue_clock_sigma"], site=settings["site"])
    posteriors = []
    for start in range(0, len(records), CHUNK):
        chunk = slice(start, start + CHUNK)
        observed = {channel: signals[channel][chunk] for channel in channels}
        weight = prior * likelihood(records[chunk], grey_share[chunk], observed, settings=settings)
        posteriors.append(weight @ within.T / weight.sum(axis=1, keepdims=True))
    return np.concatenate(posteriors)


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float, float]:
    """AUC with its 95 % interval after Hanley and McNeil (1982)."""
    p, n = int(positive.sum()), int((~positive).sum())
    auc = (rankdata(scores)[positive].sum() - p * (p + 1) / 2) / (p * n)
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    error = np.sqrt((auc * (1 - auc) + (p - 1) * (q1 - auc**2) + (n - 1) * (q2 - auc**2)) / (p * n))
    return float(auc), float(auc - 1.96 * error), float(auc + 1.96 * error)


def measure_ceiling(patients: int, *, settings: Mapping[str, Any]) -> dict[str, Any]:
    """AUC of the observer on `patients` patients drawn from the phantom's own stream.

    Returns {"patients": n, "tss<3h": {"all", channel or "tissue_time": {"auc", "low", "high"}}, "tss<4.5h":
    …}. Of tissue_time: of who knows the tissue time exactly, which no reading of images can exceed.
    """
    seed = clinic.cohort_seed(settings)
    records = [clinic.draw_patient(number, seed=seed, settings=settings) for number in range(1, patients + 1)]
    grey_share = np.array([draw_grey_share(record, seed=seed) for record in records])
    hours = np.array([record.onset_to_mri_min for record in records]) / 60
    ceiling: dict[str, Any] = {"patients": patients} | {f"tss<{limit:g}h": {} for limit in LIMITS_HOURS}
    tissue_hours = np.array([record.tissue_hours for record in records])
    scores_of = {"tissue_time": np.stack([-tissue_hours] * len(LIMITS_HOURS), axis=1)}
    for name, channels in {"all": SERIES, **{channel: (channel,) for channel in SERIES}}.items():
        scores_of[name] = ratio_observer(records, grey_share, settings=settings, channels=channels)
    for name, probability in scores_of.items():
        for limit, scores in zip(LIMITS_HOURS, probability.T, strict=True):
            values = area_under_curve(scores, hours < limit)
            ceiling[f"tss<{limit:g}h"][name] = dict(
                zip(("auc", "low", "high"), (round(v, 4) for v in values), strict=True)
            )
    return ceiling


def write_ceiling(ceiling: Mapping[str, Any], path: str | Path) -> None:
    """Write `measure_ceiling`'s result as JSON and log the AUC of all series together."""
    for limit in LIMITS_HOURS:
        area = ceiling[f"tss<{limit:g}h"]["all"]
        log.info("practical ceiling of TSS < %g h: AUC %.3f (%.3f to %.3f)", limit, *area.values())
    write_whole(path, json.dumps(ceiling, indent=1) + "\n")


def _contrast_laws(settings: Mapping[str, Any]) -> dict[str, float]:
    return {"contrast_gain": settings["contrast_gain"], "time_sigma": settings["lesion_time_sigma"]}


def _onset_given_tissue_time(clock_sigma: float, *, site: str) -> tuple[np.ndarray, np.ndarray]:
    """Density of ln u on LOG_HOURS (up to a factor), and P(t < limit | u), (2, LOG_HOURS)."""
    log_t = clinic.onset_log_quantile(site)(_midpoints(800)) - np.log(60)
    joint = _normal_density(LOG_HOURS[:, None], log_t, max(clock_sigma, FINEST_CLOCK))
    density = joint.sum(axis=1)
    return density, np.stack(
        [joint[:, log_t < np.log(limit)].sum(axis=1) / density for limit in LIMITS_HOURS]
    )


def _likelihood_of_three(
    records: Sequence[PatientRecord],
    grey_share: np.ndarray,
    observed: Mapping[str, np.ndarray],
    *,
    settings: Mapping[str, Any],
) -> np.ndarray:
    """p(three log ratios | u), (n, LOG_HOURS), up to a factor for each patient.

    At each u three signals determine three unknowns, log T2 ratio, log T1 nuisance and ADC ratio: the
    densities of these and the Jacobian are the likelihood.
    """
    contrast = LesionContrast(records, grey_share, **_contrast_laws(settings), axes=1)
    target = np.stack([observed[channel] for channel in SERIES])[..., None]
    hours = np.exp(LOG_HOURS)

    def signals(unknown: np.ndarray) -> np.ndarray:
        log_t2, log_t1_nuisance, radc = unknown
        lesion = {"tissue_hours": hours, "log_t2": log_t2, "log_t1_nuisance": log_t1_nuisance, "radc": radc}
        return np.stack([contrast.log_ratio(channel, **lesion) for channel in SERIES])

    start = np.empty((3, len(records), len(hours)))
    start[:] = np.array([0.1, 0.0, 0.8])[:, None, None]
    (log_t2, log_t1_nuisance, radc), jacobian = _solve(signals, target, start)
    sd = _nuisance_sd(records, settings["t2_nuisance"], axes=1)
    return (
        _log_t2_density(log_t2, hours, sd)
        * _normal_density(log_t1_nuisance, 0, sd)
        * _radc_density(radc, hours, settings["dwi_negative"])
        / jacobian
    )


def _likelihood_of_one(
    records: Sequence[PatientRecord],
    grey_share: np.ndarray,
    observed: Mapping[str, np.ndarray],
    *,
    settings: Mapping[str, Any],
) -> np.ndarray:
    """p(one log ratio | u), (n, LOG_HOURS), up to a factor.

    At each u, T1 nuisance and ADC ratio the signal determines the log T2 ratio; the likelihood is averaged
    over T1 nuisance and ADC ratio.
    """
    ((channel, values),) = observed.items()
    contrast = LesionContrast(records, grey_share, **_contrast_laws(settings), axes=3)
    sd = _nuisance_sd(records, settings["t2_nuisance"], axes=3)
    hours = np.exp(LOG_HOURS)[:, None, None]
    nodes, t1_weight = hermegauss(3)
    log_t1_nuisance = sd * nodes[:, None]
    core_radc, radc_weight = np.array([0.74]), np.array([1.0])
    if channel == "dwi":
        core_radc = np.append(clinic.CORE_RADC.ppf(_midpoints(6)), clinic.FAINT_RADC.mean())
        radc_weight = np.repeat([(1 - settings["dwi_negative"]) / 6, settings["dwi_negative"]], [6, 1])
    radc = adc_ratio(hours, core_radc=core_radc)

    signal = contrast.along_log_t2(channel, tissue_hours=hours, radc=radc, log_t1_nuisance=log_t1_nuisance)
    start = np.full((len(records), len(hours), len(nodes), len(core_radc)), 0.1)
    log_t2, slope = _solve_one(signal, values[:, None, None, None], start)
    density = _log_t2_density(log_t2, hours, sd) / slope
    return density @ radc_weight @ t1_weight


def _solve(
    signals: Callable[[np.ndarray], np.ndarray], target: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve signals(unknown) = target, both (k, …), by Newton's method.

    Returns the unknowns and the determinant of their Jacobian, absolute; infinite where there is no solution.
    """
    unknown, step = start, 1e-5
    for _ in range(STEPS):
        value = signals(unknown)
        columns = [
            (signals(unknown + step * unit) - value) / step
            for unit in np.eye(len(start)).reshape(len(start), len(start), *[1] * (start.ndim - 1))
        ]
        jacobian = np.moveaxis(np.stack(columns, axis=1), (0, 1), (-2, -1))
        residual = np.moveaxis(target - value, 0, -1)[..., None]
        solution = np.linalg.solve(jacobian, residual)
        move = np.abs(solution).max(axis=(-2, -1))
        unknown = unknown + np.moveaxis(np.clip(solution[..., 0], -LONGEST, LONGEST), -1, 0)
        if _is_over(move):
            break
    solved = np.abs(signals(unknown) - target).max(axis=0) < CLOSE
    return unknown, np.where(solved, np.abs(np.linalg.det(jacobian)), np.inf)


def _solve_one(
    signal: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], target: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve signal(unknown) = target as `_solve`, of one unknown; ``signal`` returns its derivative, too.

    Returns the unknown and the derivative there, absolute; infinite where there is no solution.
    """
    unknown = start
    for _ in range(STEPS):
        value, slope = signal(unknown)
        move = (target - value) / slope
        unknown = unknown + np.clip(move, -LONGEST, LONGEST)
        if _is_over(np.abs(move)):
            break
    value, slope = signal(unknown)
    return unknown, np.where(np.abs(value - target) < CLOSE, np.abs(slope), np.inf)


def _is_over(move: np.ndarray) -> bool:
    """Whether every solution is found, to 1e-14 by the last step, or runs away."""
    return bool(((move < 1e-7) | (move >= LONGEST)).all())


def _nuisance_sd(records: Sequence[PatientRecord], s0: float, *, axes: int) -> np.ndarray:
    sd = [clinic.relaxation_nuisance_sd(record.lesion_volume_ml, s0=s0) for record in records]
    return np.reshape(np.maximum(sd, FINEST_NUISANCE), (len(records), *[1] * axes))


def _log_t2_density(log_t2: np.ndarray, hours: np.ndarray, sd: np.ndarray) -> np.ndarray:
    rises = clinic.T2_RISE_MEDIAN_MS * np.exp(clinic.T2_RISE_LOG_SD * ndtri(_midpoints(9)))
    densities = (_normal_density(log_t2, log_t2_ratio(hours, t2_rise_ms=rise), sd) for rise in rises)
    return np.sum([*densities], axis=0)


def _normal_density(values: np.ndarray, mean: float | np.ndarray, sd: float | np.ndarray) -> np.ndarray:
    """As `scipy.stats.norm.pdf`, which takes five times as long."""
    return np.exp(-(((values - mean) / sd) ** 2) / 2) / np.sqrt(2 * np.pi) / sd


def _radc_density(radc: np.ndarray, hours: np.ndarray, dwi_negative: float) -> np.ndarray:
    early = np.exp(-hours / 0.35)
    core = (radc - early) / (1 - early)
    return ((1 - dwi_negative) * clinic.CORE_RADC.pdf(core) + dwi_negative * clinic.FAINT_RADC.pdf(core)) / (
        1 - early
    )


def _midpoints(n: int) -> np.ndarray:
    return (np.arange(n) + 0.5) / n
