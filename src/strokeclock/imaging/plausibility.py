"""Whether preprocessed series are what their columns say: physics of fluid and tissue, copies, upright heads.

Each number has two pairs of limits: outside the inner pair a person should review the patient; outside the
outer pair no sane scan lies. They come from phantoms of two sites and their corrupted copies
(benchmarks/study_quality.py). docs/methods/quality.md lists what each tells, how often it errs, and what none
can tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy import ndimage

from strokeclock.imaging.volume import ADC_MAX, Volume
from strokeclock.series import MATCHED, SERIES, Limits

FLUID_PERCENTILE, TISSUE_PERCENTILE = 97, 80  # of the T2w inside the brain: fluid is above, tissue below
UNITS = (1.0, 1e-3, 1e-6)  # mm2/s, in which ADC maps are stored
_RIM_MM = 2.0  # of the brain mask that is left out
_FINE_MM = 1.2  # finer voxels are averaged two by two
_UPRIGHT_MM = 4.0  # SD of the smoothing before T2w and atlas are compared

# (number, limits, what it is, with its format, what may be the cause); {alike}: the two series of likeness
_RULES: tuple[tuple[str, Limits, str, str], ...] = (
    (
        "adc_fluid",
        Limits(1.6, 1.95, 3.3, 3.7),
        "ADC of fluid is {:.2f}·10⁻³ mm²/s",
        "DWI and T2w may have other scale factors, an offset, cut-off values or another b-value",
    ),
    (
        "adc_spread",
        Limits(-np.inf, -np.inf, 0.45, 0.6),
        "ADC of tissue spreads by {:.2f}·10⁻³ mm²/s (quartiles)",
        "DWI and T2w may be of two scans or patients, or one is damaged",
    ),
    (
        "dwi_above_t2w",
        Limits(-np.inf, -np.inf, 0.02, 0.1),
        "DWI is as bright as T2w or brighter in {:.0%} of the brain",
        "they may be exchanged, or have different scale factors",
    ),
    (
        "adc_at_limit",
        Limits(-np.inf, -np.inf, 0.02, 0.1),
        "ADC is 4·10⁻³ mm²/s or more in {:.0%} of the brain",
        "DWI and T2w may have different scale factors",
    ),
    (
        "adc_difference",
        Limits(-np.inf, -np.inf, 0.15, np.inf),
        "the ADC map differs from the ADC of T2w and DWI by {:.0%}",
        "one of the three may be of another scan, or its values were changed",
    ),
    (
        "upright",
        Limits(0.07, 0.13, np.inf, np.inf),
        "T2w resembles the atlas more than the atlas upside down or back to front by {:.2f}",
        "the head may lie wrong in the file, or the T2w is none",
    ),
    (
        "stretch",
        Limits(-np.inf, -np.inf, 1.2, 1.3),
        "T2w had to be stretched by {:.2f} along one axis relative to another",
        "its voxel size may be wrong, or half of the head is missing",
    ),
    (
        "likeness",
        Limits(-np.inf, -np.inf, 0.93, 0.95),
        "{alike} correlate by {:.3f} in tissue",
        "one file may stand in two columns",
    ),
)  # fmt: skip

NUMBERS = (
    "adc_median",
    *(rule[0] for rule in _RULES),
    *(f"{name}_fluid" for name, series in SERIES.items() if series.fluid),
    *(f"{name}_tissue" for name, series in SERIES.items() if series.tissue),
)


def measure_physics(
    volumes: Mapping[str, Volume],
    inside: np.ndarray,
    *,
    atlas: Volume,
    atlas_inside: np.ndarray,
    transform: np.ndarray | None,
) -> dict[str, float | str | None]:
    """Measure what fluid, tissue and the head's place say about the series.

    Fluid is the brightest 3 % of the brain on the T2w, tissue the darkest 80 %.

    Parameters
    ----------
    volumes : mapping of series -> Volume
        T2w, DWI, ADC and what else is used, on the atlas grid, bias-corrected, not normalised.
    inside, atlas_inside : (X, Y, Z) bool
        The patient's brain and the atlas's.
    transform : (4, 4) or None
        T2w world to atlas world; None: made in atlas space.

    Returns
    -------
    dict of `NUMBERS`, but for adc_difference (`measure_adc_difference`); and alike, the series of likeness
        adc_median, adc_fluid, adc_spread: of the brain, of fluid, and between the quartiles of tissue,
        1e-3 mm2/s. dwi_above_t2w, adc_at_limit: shares of the brain. <series>_fluid: fluid's median over the
        brain's. <series>_tissue: correlation with the T2w in tissue. likeness: the highest correlation of two
        series in tissue. upright: correlation of T2w and atlas minus that with the atlas turned over.
        stretch: the largest scaling of the transform over its smallest; None in atlas space.
    """
    spacing = volumes["t2w"].spacing
    core = _coarse(_core(inside, spacing), spacing)
    data = {name: _coarse(volume.data, spacing)[core] for name, volume in volumes.items()}
    adc, t2w = data["adc"] * 1e3, data["t2w"]
    low, high = np.percentile(t2w, [TISSUE_PERCENTILE, FLUID_PERCENTILE])
    fluid, tissue = t2w >= high, t2w <= low
    lower, upper = np.percentile(adc[tissue], [25, 75])
    matched = [name for name in MATCHED if name in data]
    likeness, *alike = max(
        ((abs(_correlate(data[a][tissue], data[b][tissue])), a, b) for a, b in combinations(matched, 2)),
        default=(0.0,),
    )
    numbers: dict[str, float | None] = {
        "adc_median": float(np.median(adc)),
        "adc_fluid": float(np.median(adc[fluid])),
        "adc_spread": float(upper - lower),
        "dwi_above_t2w": float((adc <= 0).mean()),
        "adc_at_limit": float((adc >= ADC_MAX * 1e3 * 0.999).mean()),
        "upright": measure_upright(volumes["t2w"], inside, atlas=atlas, atlas_inside=atlas_inside),
        "stretch": None if transform is None else measure_stretch(transform),
        "likeness": likeness,
    }
    for name in data:
        if SERIES[name].fluid:
            numbers[f"{name}_fluid"] = _ratio(np.median(data[name][fluid]), np.median(data[name]))
        if SERIES[name].tissue:
            numbers[f"{name}_tissue"] = _correlate(data[name][tissue], t2w[tissue])
    rounded = {name: None if value is None else round(value, 4) for name, value in numbers.items()}
    return rounded | {"alike": " and ".join(SERIES[name].label for name in alike)}


def measure_adc_difference(shipped: Volume, adc: Volume, inside: np.ndarray) -> float:
    """Median of |shipped - adc| / adc in the brain's core, the shipped map in the unit that fits best.

    Parameters
    ----------
    shipped, adc : Volume
        On one grid: the map that came with the series, in mm2/s, 1e-3 mm2/s or 1e-6 mm2/s, and the one
        computed from T2w and DWI, mm2/s.
    inside : (X, Y, Z) bool
        The brain.
    """
    core = _core(inside, adc.spacing) & (adc.data > 0)
    if not core.any():
        return 1.0
    own, other = adc.data[core].astype(np.float64), shipped.data[core].astype(np.float64)
    return round(min(float(np.median(np.abs(other * unit - own) / own)) for unit in UNITS), 4)


def measure_upright(t2w: Volume, inside: np.ndarray, *, atlas: Volume, atlas_inside: np.ndarray) -> float:
    """How much better the T2w correlates with the atlas than with the atlas turned over.

    The atlas is turned upside down, back to front, and both, in the box of its brain; compared are smoothed
    intensities where both brains are.
    """
    box = ndimage.find_objects(atlas_inside.astype(np.int8))[0]
    brain = inside[box]
    head = _smooth(t2w.data[box], brain, t2w.spacing)
    map_, there = _smooth(atlas.data[box], atlas_inside[box], t2w.spacing), atlas_inside[box]

    def compare(*axes: int) -> float:
        both = brain & np.flip(there, axes)
        return _correlate(head[both], np.flip(map_, axes)[both])

    return compare() - max(compare(2), compare(1), compare(1, 2))


def measure_stretch(transform: np.ndarray) -> float:
    """The largest scaling of a (4, 4) matrix over its smallest."""
    scalings = np.linalg.svd(transform[:3, :3], compute_uv=False)
    return float(scalings[0] / scalings[-1])


def judge_physics(numbers: Mapping, *, adc_median: Sequence[float]) -> tuple[list[str], list[str]]:
    """Return the reasons to fail, and those for a review; a number that is absent is not judged.

    Parameters
    ----------
    adc_median : lowest and highest median ADC of a brain, 1e-3 mm2/s; outside: fail.
    """
    fails, reviews = [], []
    for name, limits, what, cause in _list_rules(adc_median):
        value = numbers.get(name)
        if value is None:
            continue
        said = what.format(value, alike=numbers.get("alike"))
        if found := limits.find_broken(value, fail=True):
            fails.append(f"{said}, {found}: {cause}")
        elif found := limits.find_broken(value, fail=False):
            reviews.append(f"{said}, {found}: {cause}")
    return fails, reviews


def list_limits(adc_median: Sequence[float]) -> dict[str, Limits]:
    """Between which each number lies, as `judge_physics` takes it; infinite where there is no limit."""
    return {name: limits for name, limits, _, _ in _list_rules(adc_median)}


def _list_rules(adc_median: Sequence[float]) -> Iterator[tuple[str, Limits, str, str]]:
    low, high = adc_median
    yield (
        "adc_median",
        Limits(low, low + 0.1, high - 0.3, high),
        "median ADC of the brain is {:.2f}·10⁻³ mm²/s",
        "DWI and T2w may be exchanged, of two scans, or have other scale factors or another b-value",
    )
    yield from _RULES
    for name, series in SERIES.items():
        if series.fluid:
            yield (
                f"{name}_fluid",
                series.fluid,
                f"fluid on {series.label} is {{:.2f}} times as bright as the brain",
                f"the {series.label} may be another series, or its values were changed",
            )
        if series.tissue:
            yield (
                f"{name}_tissue",
                series.tissue,
                f"{series.label} and T2w correlate by {{:.2f}} in tissue",
                f"the {series.label} may be a T1w or another series",
            )


def _core(inside: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """The brain without its rim, or the whole of a brain that is nothing but rim."""
    reach = np.ceil(_RIM_MM / spacing[:2]).astype(int)
    core = ndimage.binary_erosion(inside, np.ones((*(2 * reach + 1), 1), bool))
    return core if core.any() else inside


def _coarse(data: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Two by two voxels of a slice averaged (of a mask: all of them), where they are fine."""
    if spacing[:2].max() >= _FINE_MM:
        return data
    x, y = (n - n % 2 for n in data.shape[:2])
    parts = (data[:x:2, :y:2], data[1:x:2, :y:2], data[:x:2, 1:y:2], data[1:x:2, 1:y:2])
    if data.dtype == bool:
        return np.logical_and.reduce(parts)
    return sum(parts[1:], parts[0]) / np.float32(4)


def _smooth(data: np.ndarray, mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    sigma = _UPRIGHT_MM / spacing
    total, weight = (
        ndimage.gaussian_filter(values, sigma, truncate=2.5)
        for values in (np.where(mask, data, 0).astype(np.float32), mask.astype(np.float32))
    )
    return total / np.maximum(weight, 1e-3)


def _correlate(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one is constant."""
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
