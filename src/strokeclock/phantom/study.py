"""What a phantom's MRI study holds besides b0, b1000 and FLAIR: localizer, ADC map, repeated series."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from strokeclock.phantom.clinic import STUDY_STREAM

ADC_UNIT = 1e-6  # mm2/s, of the stored values
ADC_LARGEST = 4095
ADC_FAINTEST = 0.05  # of the brightest b0; below, no ADC is computed
LOCALIZER_SIZE, LOCALIZER_MM, LOCALIZER_SPACING_MM = 128, 2.0, 20.0
LOCALIZER_THICKNESS_MM = 8.0  # a usual one; the picture is of the plane in the middle of the slice
REPEATED = {"nothing": 0.6, "dwi": 0.2, "flair": 0.2}  # shares of the patients
ABORTED_AFTER = 0.6  # share of the slices of an aborted FLAIR

Kind = Literal["localizer", "dwi", "adc", "flair"]


@dataclass(frozen=True)
class Stack:
    """One volume of a series, slice by slice, as the scanner stores it.

    data          (X, Y, Z), whole numbers from 0 up
    affine        (4, 4), voxel index to world, RAS+ mm; slices lie along the last axis
    b_value       s/mm2; None where it is no diffusion image
    thickness_mm  of a slice; None where slices follow each other without gap
    """

    data: NDArray
    affine: NDArray
    b_value: float | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True)
class StudySeries:
    """One series of a study.

    stacks  of a localizer one for each plane, of a diffusion series one for each b-value
    """

    kind: Kind
    stacks: tuple[Stack, ...]


@dataclass(frozen=True)
class Habits:
    """How a study is stored, which differs from patient to patient.

    one_dwi_series  b0 and b1000 in one series
    repeated        dwi, flair or nothing: the first try was spoilt and is kept
    folder_each     a folder for each series; else one for all
    enhanced        multi-frame files, where the vendor writes such
    """

    one_dwi_series: bool
    repeated: str
    folder_each: bool
    enhanced: bool


def draw_habits(number: int, *, seed: int) -> Habits:
    """Draw how the study of patient `number` is stored, from a random stream of its own."""
    rng = np.random.default_rng([seed, number, STUDY_STREAM])
    return Habits(
        one_dwi_series=bool(rng.random() < 0.5),
        repeated=str(rng.choice(list(REPEATED), p=list(REPEATED.values()))),
        folder_each=bool(rng.random() < 0.5),
        enhanced=bool(rng.random() < 0.5),
    )


def list_series(scans: Mapping[str, Stack], habits: Habits) -> list[StudySeries]:
    """List a study's series in the order of their acquisition.

    Of a repeated series the last one holds the images of `scans` (t2w, dwi, flair).
    """
    b0, b1000, flair = scans["t2w"], scans["dwi"], scans["flair"]
    diffusion = [(b0, b1000)] if habits.one_dwi_series else [(b0,), (b1000,)]
    series = [StudySeries("localizer", scan_localizer(flair))]
    if habits.repeated == "dwi":
        series += [StudySeries("dwi", tuple(map(_spoil, together))) for together in diffusion]
    series += [StudySeries("dwi", together) for together in diffusion]
    series.append(StudySeries("adc", (map_adc(b0, b1000),)))
    if habits.repeated == "flair":
        series.append(StudySeries("flair", (_abort(_spoil(flair)),)))
    return [*series, StudySeries("flair", (flair,))]


def map_adc(b0: Stack, b1000: Stack) -> Stack:
    """Return the ADC map in ADC_UNIT as a scanner computes it: 0 where b0 is faint, never negative."""
    if not b1000.b_value:
        raise ValueError("the diffusion-weighted scan has no b-value")
    first, second = (scan.data.astype(float) for scan in (b0, b1000))
    bright = first > ADC_FAINTEST * np.percentile(first, 99.9)
    ratio = np.divide(first, second.clip(1), out=np.ones_like(first), where=bright)
    adc = np.log(ratio) / b1000.b_value / ADC_UNIT
    return Stack(np.rint(adc).clip(0, ADC_LARGEST).astype(np.int16), b0.affine)


def scan_localizer(head: Stack) -> tuple[Stack, ...]:
    """Return three slices in each of the planes axial, sagittal, coronal through the middle of a scan."""
    middle = head.affine[:3, :3] @ ((np.array(head.data.shape) - 1) / 2) + head.affine[:3, 3]
    to_index = np.linalg.inv(head.affine)
    planes = []
    for axes in ((0, 1, 2), (1, 2, 0), (0, 2, 1)):  # world axes of columns, rows and slices
        affine = np.zeros((4, 4))
        affine[axes, range(3)] = LOCALIZER_MM, LOCALIZER_MM, LOCALIZER_SPACING_MM
        shape = (LOCALIZER_SIZE, LOCALIZER_SIZE, 3)
        affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
        affine[3, 3] = 1
        motion = to_index @ affine
        index = np.moveaxis(np.indices(shape), 0, -1) @ motion[:3, :3].T + motion[:3, 3]
        values = map_coordinates(head.data.astype(float), np.moveaxis(index, -1, 0), order=1)
        planes.append(Stack(np.rint(values).astype(np.int16), affine, thickness_mm=LOCALIZER_THICKNESS_MM))
    return tuple(planes)


def _spoil(scan: Stack) -> Stack:
    """Return the scan of a head that moved: with a ghost of a fifth."""
    ghost = np.roll(scan.data, scan.data.shape[1] // 7, axis=1)
    return replace(scan, data=np.rint(0.8 * scan.data + 0.2 * ghost).astype(np.int16))


def _abort(scan: Stack) -> Stack:
    """Return the scan without its upper slices."""
    return replace(scan, data=scan.data[:, :, : round(ABORTED_AFTER * scan.data.shape[2])])
