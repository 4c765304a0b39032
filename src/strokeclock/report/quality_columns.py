"""The columns of the quality page: titles, formats, what each means, and its limits in words."""

from collections.abc import Iterable, Mapping
from math import isinf
from typing import NamedTuple

from strokeclock.series import SERIES, SIDES, Limits

_ADC = "10⁻³ mm²/s"


class Column(NamedTuple):
    """A number of the quality checks (`quality_record.NUMBERS`), or what else stands in a column.

    Attributes
    ----------
    group, title : the headings above it.
    meaning : one sentence, with the unit.
    form : format of a number.
    limits : when it is for review or fail, where no `Limits` say so.
    """

    group: str
    title: str
    meaning: str
    form: str = ""
    limits: str = ""


_PATIENT, _REMARKS = "Patient", "Verdict and remarks"
_BRAIN, _SERIES, _SIDES, _INFARCT = "Brain and atlas", "Coverage and fit of the series", "Sides", "Infarct"
_PHYSICS, _HEAD, _CONTRAST = (
    "Physics: ADC",
    "Physics: position of the head",
    "Physics: contrast of the series",
)
_MATCHING = "Histograms"

LEADING: tuple[Column, ...] = (
    Column(
        _PATIENT,
        "picture",
        "Axial slices of each series at eight heights of the atlas; the patient’s right is on the left. "
        "Lines: the atlas’s brain (blue), brain mask (orange), the atlas’s mid-sagittal plane (pink, dotted),"
        " lesion drawn by a person (red) or found on DWI (green).",
    ),
    Column(_PATIENT, "patient", "The patient’s name in the cohort sheet."),
    Column(
        _REMARKS,
        "verdict",
        "Pass, review (a person should look at the picture) or fail (the patient is excluded), with reasons.",
    ),
    Column(
        _REMARKS,
        "raw series",
        "Whole head or brain alone in each series, whether the T2w was derived, and which program converted "
        "the files.",
    ),
    Column(
        _REMARKS, "lesion", "Volume of the lesion in mL, and whether a person drew it or it was found on DWI."
    ),
)
COLUMNS: Mapping[str, Column] = {
    "mask_volume_ml": Column(
        _BRAIN, "brain, mL", "Volume of the brain mask in the head’s own size, in mL.", ".0f"
    ),
    "dice_to_atlas": Column(
        _BRAIN,
        "Dice",
        "Overlap of the brain mask with the atlas’s brain, from 0 (none) to 1 (the same).",
        ".3f",
    ),
    "nmi_to_atlas": Column(
        _BRAIN,
        "NMI",
        "Normalised mutual information of T2w and atlas, from 1 (independent) to 2 (one determines the "
        "other).",
        ".3f",
    ),
    **{
        f"{name}_coverage": Column(
            _SERIES,
            f"{series.label} shows",
            f"Share of the {'atlas’s' if series.place == 'reference' else 'patient’s'} brain that the "
            f"{series.label} shows.",
            ".0%",
        )
        for name, series in SERIES.items()
        if series.min_coverage is not None
    },
    **{
        f"{name}_{what}": Column(_SERIES, f"{series.label} {what}", meaning.format(series.label), ".2f")
        for name, series in SERIES.items()
        if series.min_fit is not None
        for what, meaning in (
            ("fit", "Share of the {}’s variance in the brain that T2w and DWI explain, from 0 to 1."),
            (
                "place",
                "Fit of the {} minus its best fit after a shift of 6 mm; below 0 it fits better elsewhere.",
            ),
        )
    },
    "adc_median": Column(_PHYSICS, f"ADC, {_ADC}", f"Median ADC of the brain, in {_ADC}.", ".2f"),
    "adc_fluid": Column(
        _PHYSICS,
        "ADC of fluid",
        f"Median ADC of fluid (the brightest 3 % of the brain on T2w), in {_ADC}.",
        ".2f",
    ),
    "adc_spread": Column(
        _PHYSICS,
        "ADC spread",
        f"Upper minus lower quartile of the ADC of tissue (the darkest 80 % of the brain on T2w), in {_ADC}.",
        ".2f",
    ),
    "dwi_above_t2w": Column(
        _PHYSICS,
        "DWI above T2w",
        "Share of the brain where the DWI is as bright as the T2w or brighter.",
        ".0%",
    ),
    "adc_at_limit": Column(
        _PHYSICS, "ADC at limit", f"Share of the brain with an ADC of 4·{_ADC} or more.", ".0%"
    ),
    "adc_difference": Column(
        _PHYSICS,
        "ADC map off",
        "Median difference of the sheet’s ADC map from the ADC of T2w and DWI, as a share of the latter; "
        "empty where the sheet names no ADC map beside a T2w.",
        ".0%",
    ),
    "upright": Column(
        _HEAD,
        "upright",
        "Correlation of T2w and atlas minus that with the atlas upside down or back to front.",
        ".2f",
    ),
    "stretch": Column(
        _HEAD,
        "stretch",
        "Largest over smallest scaling of the registration to the atlas; 1 is no stretch.",
        ".2f",
    ),
    "likeness": Column(
        _CONTRAST,
        "likeness",
        "Highest correlation of two series in tissue, from 0 to 1; near 1 one may be a copy of the other.",
        ".2f",
    ),
    **{
        f"{name}_fluid": Column(
            _CONTRAST,
            f"{series.label} of fluid",
            f"Median signal of fluid over that of the brain on {series.label}.",
            ".2f",
        )
        for name, series in SERIES.items()
        if series.fluid
    },
    **{
        f"{name}_tissue": Column(
            _CONTRAST,
            f"{series.label} in tissue",
            f"Correlation of {series.label} and T2w in tissue, from −1 to 1.",
            "+.2f",
        )
        for name, series in SERIES.items()
        if series.tissue
    },
    "coverage_difference": Column(
        _SIDES,
        "T2w shows, L − R",
        "Share of the atlas’s brain that the T2w shows on the left minus that on the right.",
        "+.1%",
    ),
    "asymmetry": Column(
        _SIDES,
        "asymmetry",
        "Mean difference of left and right on the T2w over their mean sum; 0: left equals right.",
        ".3f",
    ),
    "midplane_tilt_deg": Column(
        _SIDES,
        "tilt, °",
        "Angle between the brain’s own mid-sagittal plane and the atlas’s, in degrees.",
        ".1f",
    ),
    "midplane_offset_mm": Column(
        _SIDES,
        "offset, mm",
        "Distance of the brain’s own mid-sagittal plane from the atlas’s, in mm; above 0 towards the right.",
        "+.1f",
    ),
    **{
        f"infarct_{side}_ml": Column(
            _INFARCT,
            f"infarct {side}, mL",
            f"Largest patch of restricted diffusion by asymmetry on the {side}, in mL; it tells the side "
            "and is no segmentation.",
            ".1f",
        )
        for side in SIDES
    },
    "side_seen": Column(
        _INFARCT,
        "side seen",
        "Side of the larger patch: left, right, both, or none (under 1 mL).",
        limits="Review: it contradicts the side recorded.",
    ),
    "side_recorded": Column(_INFARCT, "side recorded", "Side of the lesion in the cohort sheet."),
}
TRAILING: tuple[Column, ...] = (
    Column(
        _MATCHING,
        "histogram off, SD",
        "Distance of the histogram from the reference’s, before → after matching, in standard deviations, of "
        "the series that is furthest off at the end.",
    ),
)


def list_columns() -> Iterable[tuple[str, Column]]:
    """(name, column) in the page's order; the name is "" where no number of the checks stands."""
    yield from (("", column) for column in LEADING)
    yield from COLUMNS.items()
    yield from (("", column) for column in TRAILING)


def say_limits(column: Column, limits: Limits | None) -> str:
    """When a number is for review, and when it is fail.

    >>> say_limits(COLUMNS["adc_spread"], Limits(float("-inf"), float("-inf"), 0.45, 0.6))
    'Review: above 0.45. Fail: above 0.6.'
    >>> say_limits(COLUMNS["mask_volume_ml"], Limits(900, 900, 2100, 2100))
    'Fail: below 900 or above 2100.'
    """
    if limits is None:
        return column.limits
    fail = {"below": limits.fail_below, "above": limits.fail_above}
    review = {"below": limits.review_below, "above": limits.review_above}
    review = {way: limit for way, limit in review.items() if limit != fail[way]}
    return " ".join(
        f"{verdict}: {said}."
        for verdict, broken in (("Review", review), ("Fail", fail))
        if (
            said := " or ".join(
                _say_limit(way, limit, column.form) for way, limit in broken.items() if not isinf(limit)
            )
        )
    )


def _say_limit(way: str, limit: float, form: str) -> str:
    said = f"{limit * 100:g} %" if form.endswith("%") else f"{limit:g}"
    return f"{way} {said.replace('-', '−')}"
