"""Automatic checks of one patient's preprocessed volumes."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from strokeclock.errors import PatientError
from strokeclock.imaging import plausibility
from strokeclock.imaging.plausibility import judge_physics, measure_physics
from strokeclock.imaging.volume import Volume
from strokeclock.series import BOTH, MATCHED, NO_LESION, SERIES, SIDES, Limits

# Restricted diffusion: brighter on DWI than the contralateral side and than the brain, darker on ADC.
_DWI_RATIO = 1.2
_ADC_RATIO = 0.85
_SMOOTHING_MM = 5.0
_LEAST_INFARCT_ML = 1.0
_FINE_MM = 1.2  # finer voxels are averaged two by two before smoothing: the same result, four times as fast
_FIT_SMOOTHING_MM = 1.5  # so that a noisy series fits nearly as well as a clean one
_MOVED_MM = 6.0
_PLACE = Limits(-0.15, 0.33, np.inf, np.inf)  # of `measure_place` (docs/methods/quality.md)
_FIT_BINS = 24, 12  # of T2w and of DWI


def measure(
    volumes: Mapping[str, Volume],
    mask: Volume,
    *,
    atlas: Volume,
    atlas_mask: Volume,
    transform: np.ndarray | None,
    recorded_side: str,
    patient: str,
) -> dict:
    """Measure the numbers for the verdict and the quality picture.

    Parameters
    ----------
    volumes : mapping of series -> Volume
        All series in use, on the atlas grid, not yet normalised.
    mask : Volume
        The patient's brain (non-zero).
    atlas, atlas_mask : Volume
        T2w atlas and its brain, on the same grid.
    transform : (4, 4) or None
        T2w world to atlas world; its determinant is how much larger than the head its image on the atlas grid
        is. None where the head was made in atlas space; it then has no volume of its own.
    recorded_side : str
        left, right, both, none (no acute lesion), or "" where the sheet does not say it.
    patient : str
        Named in errors.

    Returns
    -------
    dict
        The keys of `quality_record.NUMBERS`, and alike (`measure_physics`), which a reason names.

    Raises
    ------
    PatientError
        The brain mask is empty, or a series constant inside it.
    """
    inside = mask.data > 0
    inside_both = inside & (atlas_mask.data > 0)
    if not inside_both.any():
        raise PatientError(patient, "the brain mask is empty or off the atlas: look at the T2w series")
    for series in filter(volumes.__contains__, MATCHED):
        if np.ptp(volumes[series].data[inside]) == 0:
            raise PatientError(patient, f"{series} is constant inside the brain mask: look at the series")
    tilt, offset = midplane(volumes["t2w"], inside)
    left, right = infarct_volumes(volumes["dwi"], volumes["adc"], inside)
    growth = None if transform is None else abs(np.linalg.det(transform[:3, :3]))
    return {
        "mask_volume_ml": growth and round(inside.sum() * _voxel_ml(mask) / growth, 1),
        "dice_to_atlas": round(dice(inside, atlas_mask.data > 0), 4),
        "nmi_to_atlas": round(
            normalised_mutual_information(volumes["t2w"].data[inside_both], atlas.data[inside_both]), 4
        ),
        **_check_series(volumes, inside, atlas_inside=atlas_mask.data > 0),
        **measure_physics(
            volumes, inside, atlas=atlas, atlas_inside=atlas_mask.data > 0, transform=transform
        ),
        "coverage_difference": round(
            coverage_difference(shown(volumes["t2w"]) & inside, of=atlas_mask.data > 0), 4
        ),
        "asymmetry": round(asymmetry(volumes["t2w"].data, inside), 4),
        "midplane_tilt_deg": round(tilt, 2),
        "midplane_offset_mm": round(offset, 2),
        "infarct_left_ml": round(left, 2),
        "infarct_right_ml": round(right, 2),
        "side_seen": side_of(left, right),
        "side_recorded": recorded_side,
    }


def _check_series(
    volumes: Mapping[str, Volume], inside: np.ndarray, *, atlas_inside: np.ndarray
) -> dict[str, float]:
    """Share of the brain that each series shows (the T2w: of the atlas's), and its fit to T2w and DWI."""
    coverage, fits = {}, {}
    for name, series in SERIES.items():
        if name not in volumes or (series.min_coverage is None and series.min_fit is None):
            continue
        visible = shown(volumes[name]) & inside
        if series.min_coverage is not None:
            of = atlas_inside if series.place == "reference" else inside
            coverage[f"{name}_coverage"] = round(share(visible, of=of), 4)
        if series.min_fit is not None:
            compared = volumes[name], volumes["t2w"], volumes["dwi"], visible
            fits[f"{name}_fit"] = round(fit(*compared), 4)
            fits[f"{name}_place"] = round(measure_place(*compared), 4)
    return coverage | fits


def judge(numbers: Mapping, limits: Mapping[str, Limits]) -> tuple[str, str]:
    """Return (verdict, reason): fail excludes, review is for a person to check, pass has no reason.

    Parameters
    ----------
    numbers
        What `measure` returned.
    limits
        What `list_limits` returned.
    """
    fails = []
    volume, within = numbers["mask_volume_ml"], limits["mask_volume_ml"]
    if volume is not None and within.find_broken(volume, fail=True):
        fails.append(
            f"brain mask of {volume:.0f} mL, outside {within.fail_below:g} to {within.fail_above:g} mL"
        )
    dice_to_atlas = numbers["dice_to_atlas"]
    if broken := limits["dice_to_atlas"].find_broken(dice_to_atlas, fail=True):
        fails.append(f"Dice of brain and atlas mask {dice_to_atlas:.2f}, {broken}")
    adc = limits["adc_median"]
    wrong, doubtful = judge_physics(numbers, adc_median=(adc.fail_below, adc.fail_above))
    uncovered, less_covered = _judge_series(numbers, limits)
    fails += uncovered + wrong
    reviews = []
    nmi = numbers["nmi_to_atlas"]
    if broken := limits["nmi_to_atlas"].find_broken(nmi, fail=False):
        reviews.append(f"NMI of T2w and atlas {nmi:.3f}, {broken}")
    reviews += less_covered + doubtful + _judge_symmetry(numbers, limits)
    verdict = "fail" if fails else "review" if reviews else "pass"
    return verdict, "; ".join(fails + reviews)


def _judge_symmetry(numbers: Mapping, limits: Mapping[str, Limits]) -> list[str]:
    """Reasons for review: coverage of the sides, place of the mid-plane, and the side of the infarct."""
    reviews = []
    difference, most = numbers["coverage_difference"], limits["coverage_difference"].review_above
    if abs(difference) > most:
        less, more = SIDES if difference < 0 else SIDES[::-1]
        reviews.append(
            f"T2w shows {abs(difference):.0%} less of the atlas's brain {less} than {more}, above {most:.0%}"
        )
    tilt = numbers["midplane_tilt_deg"]
    if broken := limits["midplane_tilt_deg"].find_broken(tilt, fail=False):
        reviews.append(f"mid-plane tilted by {tilt:.1f}°, {broken}°")
    offset, furthest = numbers["midplane_offset_mm"], limits["midplane_offset_mm"].review_above
    if abs(offset) > furthest:
        reviews.append(f"mid-plane {offset:+.1f} mm from the atlas's, above {furthest:g} mm")
    if sides_disagree(numbers["side_seen"], numbers["side_recorded"]):
        reviews.append(
            f"DWI shows the infarct {numbers['side_seen']}, recorded is {numbers['side_recorded']}"
        )
    return reviews


def list_limits(
    *,
    mask_volume_ml: Sequence[float],
    min_dice_to_atlas: float,
    min_nmi: float,
    max_coverage_difference: float,
    max_midplane_tilt_deg: float,
    max_midplane_offset_mm: float,
    adc_median: Sequence[float],
    **of_series: float,
) -> dict[str, Limits]:
    """Between which each number lies, for `judge`; infinite where there is no limit.

    The thresholds are the configuration's section ``quality``. ``of_series``: `min_<series>_coverage` and
    `min_<series>_fit`; their defaults are in `Series`. Numbers without limits are left out. Where two limits
    are equal, a number beyond them is fail, and never review.
    """
    low, high = mask_volume_ml
    limits = {
        "mask_volume_ml": Limits(low, low, high, high),
        "dice_to_atlas": _at_least(min_dice_to_atlas, fail=min_dice_to_atlas),
        "nmi_to_atlas": _at_least(min_nmi),
        "coverage_difference": _at_most(max_coverage_difference, either_way=True),
        "midplane_tilt_deg": _at_most(max_midplane_tilt_deg),
        "midplane_offset_mm": _at_most(max_midplane_offset_mm, either_way=True),
    }
    for name, series in SERIES.items():
        if series.min_coverage is not None:
            least = of_series.get(f"min_{name}_coverage", series.min_coverage)
            limits[f"{name}_coverage"] = _at_least(least, fail=min(least, series.fail_coverage))
        if series.min_fit is not None:
            least = of_series.get(f"min_{name}_fit", series.min_fit)
            limits[f"{name}_fit"] = _at_least(least, fail=min(least, series.fail_fit))
            limits[f"{name}_place"] = _PLACE
    return limits | plausibility.list_limits(adc_median)


def _at_least(review: float, *, fail: float = -np.inf) -> Limits:
    return Limits(fail, review, np.inf, np.inf)


def _at_most(review: float, *, either_way: bool = False) -> Limits:
    return Limits(-np.inf, -review if either_way else -np.inf, review, np.inf)


def add_review(automatic: tuple[str, str], reason: str) -> tuple[str, str]:
    """Return the (verdict, reason) of `judge` with a further reason for a person to check."""
    verdict, reasons = automatic
    return "review" if verdict == "pass" else verdict, "; ".join(filter(None, (reasons, reason)))


def _judge_series(numbers: Mapping, limits: Mapping[str, Limits]) -> tuple[list[str], list[str]]:
    """Reasons to fail and for review: series that show too little of the brain, and that do not fit."""
    fails: list[str] = []
    reviews: list[str] = []
    for name, series in SERIES.items():
        whose = "the atlas's brain" if series.place == "reference" else "the brain"
        fits, elsewhere = f"{series.label} fits T2w and DWI", "it may lie elsewhere, or be another patient's"
        for what, shown_as, limit_as, cause in (
            ("coverage", f"{series.label} shows {{:.0%}} of {whose}", "{:.0%}", ""),
            ("fit", f"{fits} by {{:.2f}}", "{:g}", ""),
            ("place", f"{fits} here by {{:+.2f}} more than 6 mm away", "{:g}", elsewhere),
        ):  # fmt: skip
            number = f"{name}_{what}"
            if (value := numbers.get(number)) is None or number not in limits:
                continue
            for found, fail in ((fails, True), (reviews, False)):
                if broken := limits[number].find_broken(value, fail=fail, shown_as=limit_as):
                    found.append(": ".join(filter(None, (f"{shown_as.format(value)}, {broken}", cause))))
                    break
    return fails, reviews


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two boolean arrays of one shape, 0 to 1: 2 |a and b| / (|a| + |b|)."""
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def normalised_mutual_information(a: np.ndarray, b: np.ndarray, *, bins: int = 32) -> float:
    """(H(a) + H(b)) / H(a, b) of two arrays of one shape: 1 if independent, 2 if one determines the other.

    Each is binned evenly between its percentiles 0.5 and 99.5 (Studholme 1999).
    """
    joint = np.bincount(_bin(a, bins) * bins + _bin(b, bins), minlength=bins * bins).reshape(bins, bins)
    together = _entropy(joint.ravel())
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / together if together > 0 else 1.0


def shown(volume: Volume) -> np.ndarray:
    """The field of view, (X, Y, Z) bool: voxels that are not 0, or beside such a voxel in the slice.

    So single voxels of fluid that FLAIR suppresses to 0 belong to it.
    """
    return ndimage.binary_dilation(volume.data != 0, np.ones((3, 3, 1), bool))


def share(part: np.ndarray, *, of: np.ndarray) -> float:
    """Of the voxels in one boolean array, the share that lies in another of its shape."""
    return float((part & of).sum() / of.sum())


def coverage_difference(visible: np.ndarray, *, of: np.ndarray) -> float:
    """`share` left of x = 0 minus `share` right of it; x runs to the right. Of a brain that is cut, not 0."""
    half = visible.shape[0] // 2
    return share(visible[:half], of=of[:half]) - share(visible[-half:], of=of[-half:])


def fit(series: Volume, t2w: Volume, dwi: Volume, mask: np.ndarray) -> float:
    """The share of a series' variance inside the mask that T2w and DWI explain together, 0 to 1.

    The series' mean in each joint bin of T2w and DWI is the prediction: one of them alone cannot predict
    FLAIR, for example, where fluid is dark and oedema bright. A shift of some mm or a series of another
    patient lowers the share clearly.
    """
    (series, coarse), (t2w, _), (dwi, _) = (_coarsen(volume, mask) for volume in (series, t2w, dwi))
    smooth = [_smooth(volume, _FIT_SMOOTHING_MM) for volume in (series, t2w, dwi)]
    return _explain(*(data[coarse] for data in smooth))


def measure_place(series: Volume, t2w: Volume, dwi: Volume, mask: np.ndarray) -> float:
    """How much better a series fits (`fit`) than when it is moved by 6 mm either way along an axis.

    Below 0 it fits better elsewhere. Compared are the voxels that the brain and the moved brain share; the
    least of the six differences is returned.
    """
    (series, coarse), (t2w, _), (dwi, _) = (_coarsen(volume, mask) for volume in (series, t2w, dwi))
    values, first, second = (_smooth(volume, _FIT_SMOOTHING_MM) for volume in (series, t2w, dwi))
    differences = []
    for axis, step in enumerate(np.maximum(np.rint(_MOVED_MM / t2w.spacing), 1).astype(int)):
        for move in (step, -step):
            both = coarse & np.roll(coarse, move, axis)
            moved = np.roll(values, move, axis)[both]
            explaining = first[both], second[both]
            differences.append(_explain(values[both], *explaining) - _explain(moved, *explaining))
    return float(min(differences))


def _explain(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """The share of the variance of values (n,) that the joint bins of two others explain."""
    if values.size == 0 or np.ptp(values) == 0:
        return 0.0
    bins = _bin(first, _FIT_BINS[0]) * _FIT_BINS[1] + _bin(second, _FIT_BINS[1])
    means = np.bincount(bins, values) / np.maximum(np.bincount(bins), 1)
    return float(1 - np.square(values - means[bins]).mean() / values.var(dtype=float))


def asymmetry(data: np.ndarray, mask: np.ndarray) -> float:
    """Mean |v - mirrored v| over mean (v + mirrored v) inside mask and mirror; 0: left equals right."""
    both = mask & mask[::-1]
    v, mirrored = data[both], data[::-1][both]
    return float(np.abs(v - mirrored).mean() / (v + mirrored).mean()) if both.any() else 1.0


def midplane(volume: Volume, mask: np.ndarray) -> tuple[float, float]:
    """Tilt (degrees) and offset (mm) of the brain's own mid-sagittal plane against x = 0.

    The plane x = a + b y + c z (mm from the grid's middle) about which the smoothed volume mirrors best, by
    Gauss-Newton: points mirrored in x = 0 are carried to points mirrored in that plane, and compared.
    """
    volume, _ = _coarsen(volume, mask)
    smooth = _smooth(volume, 6.0)
    middle = (np.array(volume.shape) - 1) / 2
    step = np.array([4.0, 4.0, 6.0])  # mm
    x, y, z = np.meshgrid(
        *(np.arange(-n, n + 1) * mm for n, mm in zip((21, 27, 14), step, strict=True)), indexing="ij"
    )
    plane = np.zeros(3)
    for _ in range(8):
        a, b, c = plane
        carried = (x + a + b * y + c * z, y - b * x, z - c * x)
        index = [mm / size + at for mm, size, at in zip(carried, volume.spacing, middle, strict=True)]
        sampled = ndimage.map_coordinates(smooth, index, order=1)
        dx, dy, dz = np.gradient(sampled, *step)
        change = np.stack([dx, dx * y - dy * x, dx * z - dz * x])
        change = (change - change[:, ::-1]).reshape(3, -1)
        difference = (sampled - sampled[::-1]).ravel()
        step_back = np.linalg.lstsq(change @ change.T, change @ difference)[0]
        plane -= step_back
        if np.abs(step_back).max() < 1e-4:  # mm, and radians
            break
    return float(np.degrees(np.arctan(np.hypot(*plane[1:])))), float(plane[0])


def infarct_volumes(dwi: Volume, adc: Volume, mask: np.ndarray) -> tuple[float, float]:
    """mL of the largest patch of restricted diffusion left and right of x = 0, found by asymmetry.

    Smoothed DWI at least 1.2 times the contralateral side's and the brain's median, ADC at most 0.85 times
    the contralateral side's. This indicates the side and is no lesion segmentation: it can miss infarcts of
    some mL or of both sides.
    """
    restricted, voxel_ml = _find_restricted(dwi, adc, mask)
    half = restricted.shape[0] // 2
    left, right = (_largest_patch(side).sum() * voxel_ml for side in (restricted[:half], restricted[half:]))
    return float(left), float(right)


def mark_infarcts(dwi: Volume, adc: Volume, mask: np.ndarray) -> np.ndarray:
    """(X, Y, Z) bool: the patches that `infarct_volumes` measures, of each side that reaches 1 mL."""
    restricted, voxel_ml = _find_restricted(dwi, adc, mask)
    half = restricted.shape[0] // 2
    patches = [_largest_patch(side) for side in (restricted[:half], restricted[half:])]
    marked = np.concatenate([patch & (patch.sum() * voxel_ml >= _LEAST_INFARCT_ML) for patch in patches])
    fine = dwi.data.shape[0] // marked.shape[0]  # 2 where voxels were averaged two by two
    marked = marked.repeat(fine, axis=0).repeat(fine, axis=1)
    return np.pad(marked, [(0, n - m) for n, m in zip(dwi.data.shape, marked.shape, strict=True)])


def _find_restricted(dwi: Volume, adc: Volume, mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Where diffusion is restricted by `infarct_volumes`, on the grid of `_coarsen`, and mL of its voxels."""
    dwi, coarse = _coarsen(dwi, mask)
    adc, _ = _coarsen(adc, mask)
    both = coarse & coarse[::-1]
    if not both.any():
        return both, _voxel_ml(dwi)
    bright, free = _smooth(dwi, _SMOOTHING_MM), _smooth(adc, _SMOOTHING_MM)
    restricted = (
        both
        & (bright > _DWI_RATIO * bright[::-1])
        & (bright > _DWI_RATIO * np.median(bright[both]))
        & (free < _ADC_RATIO * free[::-1])
    )
    return restricted, _voxel_ml(dwi)


def side_of(left_ml: float, right_ml: float) -> str:
    """left, right, both (the lesser at least half the greater), or none (neither reaches 1 mL)."""
    if max(left_ml, right_ml) < _LEAST_INFARCT_ML:
        return NO_LESION
    if min(left_ml, right_ml) >= max(left_ml, right_ml) / 2:
        return BOTH
    return "left" if left_ml > right_ml else "right"


def sides_disagree(seen: str, recorded: str) -> bool:
    """Whether DWI shows the infarct on one side and the sheet names the other, or that there is none."""
    return {seen, recorded} == {*SIDES} or (recorded == NO_LESION and seen != NO_LESION)


def _largest_patch(mask: np.ndarray) -> np.ndarray:
    """The voxels of the largest connected patch of a boolean array; none where it is empty."""
    patches, number = ndimage.label(mask)
    if not number:
        return mask
    return patches == np.bincount(patches.ravel())[1:].argmax() + 1


def _voxel_ml(volume: Volume) -> float:
    return float(np.prod(volume.spacing)) / 1000


def _coarsen(volume: Volume, mask: np.ndarray) -> tuple[Volume, np.ndarray]:
    """The volume, 0 outside the mask, and the mask; fine voxels averaged two by two in plane."""
    data = np.where(mask, volume.data, np.float32(0))
    if volume.spacing[:2].max() >= _FINE_MM:
        return Volume(data, volume.affine), mask
    twice = np.diag([2.0, 2.0, 1.0, 1.0])
    twice[:2, 3] = 0.5
    return Volume(_average_pairs(data), volume.affine @ twice), _average_pairs(mask.astype(np.float32)) > 0.5


def _average_pairs(data: np.ndarray) -> np.ndarray:
    """(X, Y, Z) to (X // 2, Y // 2, Z): means of two by two voxels."""
    x, y = (n - n % 2 for n in data.shape[:2])
    return (data[:x:2, :y:2] + data[1:x:2, :y:2] + data[:x:2, 1:y:2] + data[1:x:2, 1:y:2]) / 4


def _smooth(volume: Volume, sigma_mm: float) -> np.ndarray:
    return ndimage.gaussian_filter(volume.data, sigma_mm / volume.spacing, truncate=2.5)


def _bin(values: np.ndarray, bins: int) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.5])
    if high <= low:
        low, high = values.min(), values.max() + 1e-6
    return np.clip(((values - low) / (high - low) * bins).astype(int), 0, bins - 1)


def _entropy(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())
