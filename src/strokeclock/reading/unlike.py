"""What of a patient lies outside what the training patients had."""

from collections.abc import Iterator, Mapping

from strokeclock.bundle.summary import Range, Summary
from strokeclock.reading.result import Outside
from strokeclock.series import SERIES

BEYOND = 0.25  # of a range's width, below and above it: not named yet
FAR = 2.0  # widths, from which on no time is given
_LEAST_WIDTH = 0.1  # of the median
_SMALLEST = 0.02  # of a width, for shares that are 0 in nearly all

_QUALITY = {
    "mask_volume_ml": "volume of the brain mask, mL",
    "dice_to_atlas": "overlap of brain and atlas (Dice)",
    "nmi_to_atlas": "likeness of T2w and atlas (NMI)",
    "coverage_difference": "share of the atlas that the T2w shows, left minus right",
    "asymmetry": "left-right asymmetry of the T2w",
    "midplane_tilt_deg": "tilt of the mid-sagittal plane, °",
    "midplane_offset_mm": "offset of the mid-sagittal plane, mm",
    "adc_median": "median ADC of the brain, 10⁻³ mm²/s",
    "adc_fluid": "ADC of fluid, 10⁻³ mm²/s",
    "adc_spread": "spread of the ADC in tissue, 10⁻³ mm²/s",
    "dwi_above_t2w": "share of the brain with DWI above T2w",
    "adc_at_limit": "share of the brain with the highest ADC",
    "upright": "how much more the T2w resembles the atlas upright",
    "stretch": "stretch to the atlas along one axis",
    "likeness": "correlation of two series in tissue",
}
_PER_SERIES = {
    "coverage": "share of the brain that {} shows",
    "fit": "share of the variance of {} that T2w and DWI explain",
    "place": "how much more {} fits in its place than 6 mm away",
    "fluid": "brightness of fluid over brain on {}",
    "tissue": "correlation of {} and T2w in tissue",
}
_PROTOCOL = {
    "vendor": "vendor of the scanner, {}",
    "field_t": "field strength, {}, T",
    "tr_ms": "TR of {}, ms",
    "te_ms": "TE of {}, ms",
    "ti_ms": "TI of {}, ms",
    "b_value": "b-value of {}, s/mm²",
    "voxel_x_mm": "voxel of {} along x, mm",
    "voxel_y_mm": "voxel of {} along y, mm",
    "voxel_z_mm": "distance of the slices of {}, mm",
    "slices": "number of slices of {}",
}


def find_outside(
    summary: Summary,
    *,
    quality: Mapping[str, float],
    intensities: Mapping[str, float],
    protocol: Mapping[str, float],
    words: Mapping[str, str],
) -> tuple[Outside, ...]:
    """Name the numbers that lie outside the training patients' ranges, the farthest first.

    A number is named where it lies beyond a range by `BEYOND` of the range's width. It is far where it lies
    beyond it by `FAR` widths. Only quality numbers and intensities can be far: they are measured on the
    images, and another protocol that leaves the images alike does no harm.

    Parameters
    ----------
    quality, intensities, protocol, words
        As `bundle.summary.list_quality`, `measure_intensities` and `list_protocol` give them.
    """
    found = [
        *_compare_images(summary.quality, summary.intensities, quality=quality, intensities=intensities),
        *_compare(protocol, summary.protocol, can_be_far=False),
    ]
    found.sort(key=lambda item: -item[0])
    new = (
        Outside(name=name, label=describe(name), value=word, known=tuple(summary.texts[name]))
        for name, word in words.items()
        if summary.texts.get(name) and word not in summary.texts[name]
    )
    return (*(outside for _, outside in found), *new)


def find_far(
    quality_ranges: Mapping[str, Range],
    intensity_ranges: Mapping[str, Range],
    *,
    quality: Mapping[str, float],
    intensities: Mapping[str, float],
) -> tuple[str, ...]:
    """Name in words the numbers of a patient's images for which no time is given; as `find_outside`."""
    found = _compare_images(quality_ranges, intensity_ranges, quality=quality, intensities=intensities)
    return tuple(outside.label for _, outside in found if outside.is_far)


def _compare_images(
    quality_ranges: Mapping[str, Range],
    intensity_ranges: Mapping[str, Range],
    *,
    quality: Mapping[str, float],
    intensities: Mapping[str, float],
) -> Iterator[tuple[float, Outside]]:
    """As `_compare`, of what is measured on the images."""
    yield from _compare(quality, quality_ranges, can_be_far=True)
    yield from _compare(intensities, intensity_ranges, can_be_far=True)


def describe(name: str) -> str:
    """Say what a number is, in words with its unit."""
    if name in _QUALITY:
        return _QUALITY[name]
    if "." in name:
        series, _, column = name.partition(".")
        return _PROTOCOL[column].format(_label(series))
    series, _, what = name.partition("_")
    if what.startswith("p") and what[1:].isdigit():
        return f"percentile {what[1:]} of {_label(series)} in the brain, after normalisation"
    return _PER_SERIES[what].format(_label(series)) if what in _PER_SERIES else name


def _label(series: str) -> str:
    return SERIES[series].label if series in SERIES else series


def _compare(
    values: Mapping[str, float], ranges: Mapping[str, Range], *, can_be_far: bool
) -> Iterator[tuple[float, Outside]]:
    """Yield how many widths each number lies outside its range, and the number."""
    for name, value in values.items():
        if (known := ranges.get(name)) is None:
            continue
        width = max(known.high - known.low, _LEAST_WIDTH * abs(known.median), _SMALLEST)
        beyond = max(known.low - value, value - known.high) / width
        if beyond > BEYOND:
            is_far = can_be_far and beyond > FAR
            yield (
                beyond,
                Outside(
                    name=name,
                    label=describe(name),
                    value=float(f"{value:.4g}"),
                    low=known.low,
                    high=known.high,
                    is_far=is_far,
                ),
            )
