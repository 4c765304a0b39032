"""The hospitals of phantom patients: scanners with their protocols, prevalence of onset times, lesion sizes.

A range (low, high) is drawn from uniformly. A further hospital is one more entry of `SITES`. Standard library
alone, because the settings take the names from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class StackRanges:
    """What is common to both kinds of series.

    tr_ms, te_ms  repetition and echo time, ms
    in_plane_mm   voxel side in plane (square voxels), mm
    slice_mm      thickness of a slice, mm; slices follow each other without gap
    slices        fewest and most slices
    brightness    stored value of healthy grey matter
    """

    tr_ms: Range
    te_ms: Range
    in_plane_mm: Range
    slice_mm: Range
    slices: tuple[int, int]
    brightness: Range


@dataclass(frozen=True, kw_only=True)
class EpiRanges(StackRanges):
    """Diffusion EPI.

    b_value     s/mm2, of the DWI
    fat_left    share of the fat signal that its suppression leaves
    ghost       amplitude of the N/2 ghost
    distortion  factor on displacement and dephasing by susceptibility; 1: up to 9 mm at 3 T
    """

    b_value: float
    fat_left: Range
    ghost: Range
    distortion: float


@dataclass(frozen=True, kw_only=True)
class FlairRanges(StackRanges):
    """FLAIR.

    ti_past_null_ms  TI minus the TI at which fluid vanishes at this TR, ms
    fat_left         share of the fat signal that is left: one of these, each as often; 1: not suppressed
    """

    ti_past_null_ms: Range
    fat_left: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """One scanner.

    name           of the cohort sheet's column site
    vendor, model  Siemens, Philips or GE; the name of the model
    field_t        field strength, T
    weight         share of its patients among those of the site's scanners of the same field strength
    coil           factor on the log of the coil's sensitivity; 1: within about ±20 %
    snr            signal-to-noise ratio of grey matter in t2w, dwi, flair
    """

    name: str
    vendor: str
    model: str
    field_t: float
    weight: float
    epi: EpiRanges
    flair: FlairRanges
    coil: float
    snr: Mapping[str, Range]


@dataclass(frozen=True, kw_only=True)
class Site:
    """One hospital.

    scanners          a patient gets a field strength, each as often, then a scanner of it by its weight
    onset_shares      cumulative shares of the patients …
    onset_minutes     … who have an MRI within so many minutes of onset
    volume_median_ml  median of the lesion volume, mL
    volume_log_sd     SD of its natural log
    """

    scanners: tuple[Scanner, ...]
    onset_shares: tuple[float, ...]
    onset_minutes: tuple[float, ...]
    volume_median_ml: float
    volume_log_sd: float


# Vendor -> how its scanners write it, in DICOM and in sidecars.
MANUFACTURERS: Mapping[str, str] = MappingProxyType(
    {"Siemens": "SIEMENS", "Philips": "Philips Medical Systems", "GE": "GE MEDICAL SYSTEMS"}
)

_SIEMENS_EPI = EpiRanges(
    tr_ms=(4000, 9000),
    te_ms=(78, 122),
    b_value=1000.0,
    in_plane_mm=(0.859, 1.850),
    slice_mm=(6.0, 6.5),
    slices=(24, 28),
    brightness=(250, 500),
    fat_left=(0.04, 0.12),
    ghost=(0.005, 0.035),
    distortion=1.0,
)
_SIEMENS_FLAIR = FlairRanges(
    tr_ms=(8000, 9000),
    te_ms=(88, 134),
    ti_past_null_ms=(-50, 50),
    in_plane_mm=(0.688, 0.938),
    slice_mm=(6.0, 6.5),
    slices=(24, 28),
    brightness=(150, 350),
    fat_left=(1.0, 0.3),
)


def _siemens(name: str, model: str, field_t: float, weight: float) -> Scanner:
    return Scanner(
        name=name,
        vendor="Siemens",
        model=model,
        field_t=field_t,
        weight=weight,
        epi=_SIEMENS_EPI,
        flair=_SIEMENS_FLAIR,
        coil=1.0,
        snr={"t2w": (35, 70), "dwi": (20, 45), "flair": (40, 90)},
    )


# The paper's scanners, 1.5 T and 3 T Siemens with a 12-channel head coil, and its ranges of TR, TE and voxel
# (Zhang et al. 2021). Quartiles of the onset times are near those of its Table 1.
_SIEMENS_SITE = Site(
    scanners=(
        _siemens("siemens-1", "Avanto", 1.5, 0.7),
        _siemens("siemens-2", "TrioTim", 3.0, 0.7),
        _siemens("siemens-3", "Espree", 1.5, 0.3),
        _siemens("siemens-4", "Verio", 3.0, 0.3),
    ),
    onset_shares=(0.0, 0.05, 0.10, 0.25, 0.40, 0.50, 0.54, 0.75, 0.90, 0.97, 1.0),
    onset_minutes=(25, 48, 64, 105, 175, 225, 270, 690, 1260, 2000, 2880),
    volume_median_ml=8.0,
    volume_log_sd=1.7,
)

# Another hospital: thinner slices and more of them; a 3 T Philips (parallel imaging, so short TR and TE and
# less distortion; 32 channels, so more shading; large stored values) and an older 1.5 T GE (8 channels,
# noisier, long TR). Fewer patients come early: 21 % within 3 h and 33 % within 4.5 h; lesions are larger.
_PHILIPS_GE_SITE = Site(
    scanners=(
        Scanner(
            name="philips-ge-1",
            vendor="Philips",
            model="Ingenia",
            field_t=3.0,
            weight=1.0,
            epi=EpiRanges(
                tr_ms=(3000, 4800),
                te_ms=(68, 92),
                b_value=1000.0,
                in_plane_mm=(0.898, 1.300),
                slice_mm=(5.0, 5.0),
                slices=(28, 32),
                brightness=(500, 1100),
                fat_left=(0.02, 0.08),
                ghost=(0.005, 0.020),
                distortion=0.7,
            ),
            flair=FlairRanges(
                tr_ms=(10000, 11000),
                te_ms=(120, 140),
                ti_past_null_ms=(50, 200),
                in_plane_mm=(0.600, 0.800),
                slice_mm=(5.0, 5.0),
                slices=(28, 32),
                brightness=(300, 700),
                fat_left=(0.2,),
            ),
            coil=1.4,
            snr={"t2w": (42, 80), "dwi": (25, 52), "flair": (50, 100)},
        ),
        Scanner(
            name="philips-ge-2",
            vendor="GE",
            model="Signa HDxt",
            field_t=1.5,
            weight=1.0,
            epi=EpiRanges(
                tr_ms=(8000, 10000),
                te_ms=(75, 105),
                b_value=1000.0,
                in_plane_mm=(0.938, 1.875),
                slice_mm=(5.0, 5.5),
                slices=(27, 30),
                brightness=(700, 1800),
                fat_left=(0.05, 0.15),
                ghost=(0.010, 0.050),
                distortion=1.3,
            ),
            flair=FlairRanges(
                tr_ms=(8000, 10000),
                te_ms=(120, 145),
                ti_past_null_ms=(-200, -50),
                in_plane_mm=(0.750, 0.938),
                slice_mm=(5.0, 5.5),
                slices=(27, 30),
                brightness=(500, 1300),
                fat_left=(1.0,),
            ),
            coil=0.8,
            snr={"t2w": (26, 52), "dwi": (15, 33), "flair": (30, 65)},
        ),
    ),
    onset_shares=(0.0, 0.05, 0.10, 0.21, 0.33, 0.50, 0.75, 0.90, 0.97, 1.0),
    onset_minutes=(30, 75, 110, 180, 270, 510, 1080, 1800, 2500, 2880),
    volume_median_ml=14.0,
    volume_log_sd=1.5,
)

# Name in the configuration -> hospital; the first is the default.
SITES: Mapping[str, Site] = MappingProxyType({"siemens": _SIEMENS_SITE, "philips-ge": _PHILIPS_GE_SITE})

SCANNERS: Mapping[str, Scanner] = MappingProxyType(
    {scanner.name: scanner for site in SITES.values() for scanner in site.scanners}
)
