"""Draw a phantom patient: onset, tissue clock, lesions, age, severity, scanner, protocol.

docs/methods/phantom-clock.md gives the reasons; what differs between hospitals is in `sites`. No image is
opened here. Scanner, TR, TE and voxel sizes are drawn independently of the onset time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, log, sqrt
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.stats import truncnorm, uniform

from strokeclock.phantom.signal import null_inversion_time
from strokeclock.phantom.sites import SITES, Scanner, Site, StackRanges
from strokeclock.series import BOTH, SIDES

VOLUME_RANGE_ML = (0.05, 350.0)

CORE_RADC = truncnorm((0.55 - 0.74) / 0.07, (0.90 - 0.74) / 0.07, loc=0.74, scale=0.07)
FAINT_RADC = uniform(0.92, 0.08)  # of lesions that DWI misses
T2_RISE_MEDIAN_MS, T2_RISE_LOG_SD = 32.0, 0.2
TISSUE_LOG_T2_SD = 0.03  # of healthy grey and white matter, between patients

# Each aspect of a patient has its own random stream, (seed, number, stream).
SHAPE_STREAM, LESION_STREAM, HEAD_STREAM, SCANNER_STREAM, TISSUE_STREAM, STUDY_STREAM = 1, 2, 3, 4, 5, 6


class Territory(NamedTuple):
    """An arterial territory: its weight in the draw and the lesion volumes (mL) that it can hold."""

    weight: float
    smallest_ml: float
    largest_ml: float


# Weights are such that, given the volume limits, the shares over the cohort are .17, .30, .15 (middle
# cerebral), .09, .04, .08, .08, .04, .05.
TERRITORIES = {
    "mca_perforator": Territory(0.172, 0.0, 15.0),
    "mca_branch": Territory(0.196, 0.0, 100.0),
    "mca_large": Territory(0.299, 25.0, 400.0),
    "pca": Territory(0.060, 0.0, 80.0),
    "aca": Territory(0.028, 0.0, 60.0),
    "cerebellum": Territory(0.056, 0.0, 60.0),
    "brainstem": Territory(0.129, 0.0, 6.0),
    "watershed": Territory(0.028, 0.0, 60.0),
    "multi": Territory(0.032, 0.2, 150.0),
}


@dataclass(frozen=True)
class EpiProtocol:
    """Diffusion EPI, b = 0 and b = `b_value`: times in ms, b in s/mm2, voxel (x, y, slice) in mm."""

    tr_ms: float
    te_ms: float
    b_value: float
    voxel_mm: tuple[float, float, float]
    slices: int


@dataclass(frozen=True)
class FlairProtocol:
    """Inversion-recovery FLAIR: times in ms, voxel (x, y, slice) in mm."""

    tr_ms: float
    te_ms: float
    ti_ms: float
    voxel_mm: tuple[float, float, float]
    slices: int


@dataclass(frozen=True)
class OldInfarct:
    """A chronic infarct: CSF-like core, bright FLAIR rim, nothing on DWI. `side` is left or right."""

    side: str
    volume_ml: float


@dataclass(frozen=True)
class PatientRecord:
    """One phantom patient, truth included.

    Attributes
    ----------
    number, patient
        Running number from 1, and identifier (phantom-0001).
    age, sex, nihss
        Years; F or M; 0 to 42.
    site, vendor, field_t
        Name of the scanner (key of sites.SCANNERS), its vendor, and its field strength in T.
    onset_to_mri_min
        Clock time t since onset, minutes.
    clock_factor
        k: tissue time is u = t·k (collaterals).
    lesion_side
        left, right or both, of the patient; left is x < 0.
    lesion_volume_left_ml, lesion_volume_right_ml
        Lesion volume in each hemisphere, mL; 0: none.
    territory
        Key of TERRITORIES.
    dwi_negative
        The lesion is invisible or faint on DWI: its core_radc is near 1.
    core_radc
        r: final ADC of the lesion over the contralateral one.
    t2_rise_ms
        A: size of the T2 rise, ms at a T2 of 82 ms.
    log_t2_nuisance, log_t1_nuisance
        Error of the lesion's log T2 and log T1 about their time law, before the contrast gain.
    log_t2_gm, log_t2_wm
        Log of the T2 of healthy grey and white matter over the common one.
    wmh_volume_ml
        White-matter hyperintensities in both hemispheres together, mL; 0: none.
    old_infarcts
        Chronic infarcts.
    epi, flair
        Protocols of the diffusion EPI (b0, b1000) and of FLAIR.
    """

    number: int
    patient: str
    age: int
    sex: str
    nihss: int
    site: str
    vendor: str
    field_t: float
    onset_to_mri_min: float
    clock_factor: float
    lesion_side: str
    lesion_volume_left_ml: float
    lesion_volume_right_ml: float
    territory: str
    dwi_negative: bool
    core_radc: float
    t2_rise_ms: float
    log_t2_nuisance: float
    log_t1_nuisance: float
    log_t2_gm: float
    log_t2_wm: float
    wmh_volume_ml: float
    old_infarcts: tuple[OldInfarct, ...]
    epi: EpiProtocol
    flair: FlairProtocol

    @property
    def lesion_volume_ml(self) -> float:
        """Lesion volume of both hemispheres together, mL."""
        return self.lesion_volume_left_ml + self.lesion_volume_right_ml

    @property
    def tissue_hours(self) -> float:
        """Tissue time u = t·k, hours."""
        return self.onset_to_mri_min / 60 * self.clock_factor


def cohort_seed(settings: Mapping[str, Any]) -> int:
    """Return the seed of a cohort's streams, from seed and site of the configuration's `phantom` section.

    Sites share no patient: those of one hospital must teach nothing about those of another.
    """
    seed, site = settings["seed"], settings["site"]
    if site == next(iter(SITES)):
        return seed
    return int(np.random.SeedSequence([seed, crc32(site.encode())]).generate_state(1)[0])


def draw_patient(number: int, *, seed: int, settings: Mapping[str, Any]) -> PatientRecord:
    """Draw a patient of a cohort, from a random stream of its own, (seed, number).

    Parameters
    ----------
    number
        Of the patient, from 1.
    seed
        Of the cohort (`cohort_seed`).
    settings
        The configuration's section phantom: site, tissue_clock_sigma, t2_nuisance, bilateral and dwi_negative
        are read.
    """
    rng = np.random.default_rng([seed, number])
    site = SITES[settings["site"]]
    scanner = _draw_scanner(rng, site)
    epi, flair = _draw_epi(rng, scanner), _draw_flair(rng, scanner)

    age = int(np.clip(round(rng.normal(68, 15)), 20, 97))
    sex = str(rng.choice(["F", "M"], p=[0.52, 0.48]))
    wmh_ml = _draw_wmh_volume(rng, age)
    old_infarcts = _draw_old_infarcts(rng)

    onset_min = exp(onset_log_quantile(settings["site"])(rng.random()))
    clock_factor = rng.lognormal(0, settings["tissue_clock_sigma"])
    volume_ml = rng.lognormal(log(site.volume_median_ml), site.volume_log_sd)
    volume_ml = float(np.clip(volume_ml, *VOLUME_RANGE_ML))
    territory = _draw_territory(rng, volume_ml)
    # NIHSS: median 8 (4 to 16), rank correlation with the lesion volume about .75.
    nihss = round(min(3.1 * volume_ml**0.45 * rng.lognormal(0, 0.69), 42))
    side, right_share = _draw_side(rng, settings["bilateral"])
    dwi_negative = bool(rng.random() < settings["dwi_negative"])
    core_radc = FAINT_RADC.rvs(random_state=rng) if dwi_negative else CORE_RADC.rvs(random_state=rng)
    t2_rise_ms = rng.lognormal(log(T2_RISE_MEDIAN_MS), T2_RISE_LOG_SD)
    # Without its own error T1 would make tissue time an exact function of FLAIR and b0.
    nuisance_sd = relaxation_nuisance_sd(volume_ml, s0=settings["t2_nuisance"])
    return PatientRecord(
        number=number,
        patient=f"phantom-{number:04d}",
        age=age,
        sex=sex,
        nihss=nihss,
        site=scanner.name,
        vendor=scanner.vendor,
        field_t=scanner.field_t,
        onset_to_mri_min=round(onset_min),
        clock_factor=float(clock_factor),
        lesion_side=side,
        lesion_volume_left_ml=volume_ml * (1 - right_share),
        lesion_volume_right_ml=volume_ml * right_share,
        territory=territory,
        dwi_negative=dwi_negative,
        core_radc=float(core_radc),
        t2_rise_ms=float(t2_rise_ms),
        log_t2_nuisance=float(rng.normal(0, nuisance_sd)),
        log_t1_nuisance=float(rng.normal(0, nuisance_sd)),
        log_t2_gm=float(rng.normal(0, TISSUE_LOG_T2_SD)),
        log_t2_wm=float(rng.normal(0, TISSUE_LOG_T2_SD)),
        wmh_volume_ml=wmh_ml,
        old_infarcts=old_infarcts,
        epi=epi,
        flair=flair,
    )


@cache
def onset_log_quantile(site: str) -> PchipInterpolator:
    """Return a function: cumulative share of a site's patients -> ln of the minutes from onset to MRI."""
    return PchipInterpolator(SITES[site].onset_shares, np.log(SITES[site].onset_minutes))


def relaxation_nuisance_sd(volume_ml: float, *, s0: float) -> float:
    """SD of the lesion's log T2, and of its log T1, about their laws: `s0` if large, √10 s0 under 0.9 mL."""
    return s0 * sqrt(1 + min(8 / volume_ml, 9))


def _draw_scanner(rng: np.random.Generator, site: Site) -> Scanner:
    field_t = rng.choice(sorted({scanner.field_t for scanner in site.scanners}))
    alike = [scanner for scanner in site.scanners if scanner.field_t == field_t]
    weights = np.array([scanner.weight for scanner in alike])
    return alike[rng.choice(len(alike), p=weights / weights.sum())]


def _draw_epi(rng: np.random.Generator, scanner: Scanner) -> EpiProtocol:
    ranges = scanner.epi
    tr, te = rng.uniform(*ranges.tr_ms), rng.uniform(*ranges.te_ms)
    return EpiProtocol(tr, te, ranges.b_value, *_draw_stack(rng, ranges))


def _draw_flair(rng: np.random.Generator, scanner: Scanner) -> FlairProtocol:
    ranges = scanner.flair
    tr, te = rng.uniform(*ranges.tr_ms), rng.uniform(*ranges.te_ms)
    ti = null_inversion_time(tr) + rng.uniform(*ranges.ti_past_null_ms)
    return FlairProtocol(tr, te, ti, *_draw_stack(rng, ranges))


def _draw_stack(rng: np.random.Generator, ranges: StackRanges) -> tuple[tuple[float, float, float], int]:
    """Voxel (mm) and number of slices."""
    in_plane, slice_mm = (round(float(rng.uniform(*one)), 3) for one in (ranges.in_plane_mm, ranges.slice_mm))
    return (in_plane, in_plane, slice_mm), int(rng.integers(*ranges.slices, endpoint=True))


def _draw_wmh_volume(rng: np.random.Generator, age: int) -> float:
    present = rng.random() < np.clip(0.85 + 0.01 * (age - 70), 0.2, 0.98)
    volume_ml = rng.lognormal(log(6), 1.1) * exp(0.03 * (age - 70))
    return float(min(volume_ml, 100.0)) if present else 0.0


def _draw_old_infarcts(rng: np.random.Generator) -> tuple[OldInfarct, ...]:
    count = int(rng.choice([0, 1, 2], p=[0.78, 0.17, 0.05]))
    return tuple(
        OldInfarct(str(rng.choice(SIDES)), float(np.clip(rng.lognormal(0, 1.0), 0.1, 30)))
        for _ in range(count)
    )


def _draw_territory(rng: np.random.Generator, volume_ml: float) -> str:
    weights = np.array(
        [t.weight * (t.smallest_ml <= volume_ml <= t.largest_ml) for t in TERRITORIES.values()]
    )
    return str(rng.choice(list(TERRITORIES), p=weights / weights.sum()))


def _draw_side(rng: np.random.Generator, bilateral: float) -> tuple[str, float]:
    """Side, and the right hemisphere's share of the lesion volume."""
    if rng.random() < bilateral:
        return BOTH, rng.uniform(0.2, 0.8)
    return ("right", 1.0) if rng.random() < 0.5 else ("left", 0.0)
