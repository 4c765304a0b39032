"""BIDS sidecars: what the JSON beside an image says of its acquisition. Standard library alone.

Only the fields named here are read. All others, such as institution, station, names, dates and UIDs, stay
where they are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from strokeclock.cohort.numbers import LIMITS as SHEET_LIMITS

_VENDORS = {  # how Manufacturer begins, in small letters -> vendor
    "siemens": "Siemens",
    "philips": "Philips",
    "ge": "GE",
    "general electric": "GE",
    "canon": "Canon",
    "toshiba": "Canon",
    "united imaging": "United Imaging",
    "uih": "United Imaging",
    "hitachi": "Hitachi",
    "fujifilm": "Fujifilm",
    "bruker": "Bruker",
    "neusoft": "Neusoft",
}
_OTHER_VENDOR = "other"


class Time(NamedTuple):
    """A time: values below `seconds_below` are in s, others in ms; it must lie within [low, high] ms."""

    name: str
    seconds_below: float
    low: float
    high: float


# No TR in s reaches 100 and none in ms is below; likewise the others.
TIMES = {
    "tr_ms": Time("RepetitionTime", 100, 300, 30_000),
    "te_ms": Time("EchoTime", 1, 3, 1_000),
    "ti_ms": Time("InversionTime", 10, 20, 10_000),
}
_LEAST_TI_MS = 1500  # of a T2-weighted FLAIR
_LARGEST_B0 = 50  # s/mm2
_SAME_B = 10  # s/mm2, by which scanners report a b-value wrongly
_NO_B_FOUND = 2000  # s/mm2, which dcm2niix writes for multi-frame files without a b-value it knows
_LIMITS = {
    "MagneticFieldStrength": (0.05, 12),
    "DiffusionBValue": (0, 10_000),
    "PixelSpacing": (0.05, 20),
    "SpacingBetweenSlices": (0.05, 100),
    "NumberOfSlices": (1, 10_000),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_KINDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What a sidecar says; None where it does not.

    Attributes
    ----------
    vendor : Siemens, Philips, GE …; other for a manufacturer that is not known, whatever is written there.
    field_t : field strength, T.
    tr_ms, te_ms, ti_ms : ms, whether they are written in s (BIDS) or in ms (DICOM).
    b_value : s/mm2.
    voxel_mm, slices : of the scan; only where the image is on another grid (phantoms on the atlas grid).
    in_ms : whether times were written in ms.
    faults : sentences without their subject, the file, on values that are left out.
    """

    vendor: str | None = None
    field_t: float | None = None
    tr_ms: float | None = None
    te_ms: float | None = None
    ti_ms: float | None = None
    b_value: float | None = None
    voxel_mm: tuple[float, float, float] | None = None
    slices: int | None = None
    in_ms: bool = False
    faults: tuple[str, ...] = field(default=())


def beside(image: str | Path, suffix: str) -> str:
    """Return the path beside a NIfTI file that has another suffix (.json, .bval).

    >>> beside("p1/flair.nii.gz", ".json")
    'p1/flair.json'
    """
    return str(image).removesuffix(".gz").removesuffix(".nii") + suffix


def read_sidecar(path: str | Path) -> Sidecar:
    """Read a sidecar; an empty one where there is no file. What cannot be used is a fault, never an error."""
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        return Sidecar()
    except OSError as error:
        return Sidecar(faults=(f"cannot be read ({error.strerror}): check its permissions, or remove it",))
    except UnicodeDecodeError:
        return Sidecar(faults=("is not in UTF-8: write it again, or remove it",))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return Sidecar(faults=("is no JSON object: write it again, or remove it",))
    faults: list[str] = []
    times = {name: _read_time(content, time, faults) for name, time in TIMES.items()}
    voxel_mm, slices = _read_geometry(content, faults)
    return Sidecar(
        vendor=name_vendor(content.get("Manufacturer")),
        field_t=_read_number(content, "MagneticFieldStrength", faults),
        b_value=_read_number(content, "DiffusionBValue", faults),
        tr_ms=times["tr_ms"][0],
        te_ms=times["te_ms"][0],
        ti_ms=times["ti_ms"][0],
        voxel_mm=voxel_mm,
        slices=slices,
        in_ms=any(in_ms for _, in_ms in times.values()),
        faults=tuple(faults),
    )


def read_b_values(path: str | Path) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the b-values of a .bval file, s/mm2, and faults as of `Sidecar`; neither where none is there."""
    try:
        words = Path(path).read_text(encoding="utf-8-sig").split()
    except FileNotFoundError:
        return (), ()
    except (OSError, ValueError):
        words = []
    low, high = _LIMITS["DiffusionBValue"]
    values = tuple(float(word) for word in words if _NUMBER.fullmatch(word))
    if not words or len(values) < len(words) or not all(low <= value <= high for value in values):
        return (), (f"does not hold b-values, numbers from {low} to {high} s/mm²: correct it or remove it",)
    return values, ()


def name_vendor(manufacturer: Any) -> str | None:
    """Return the vendor that a Manufacturer means, as in `Sidecar`; None where it says nothing."""
    if not isinstance(manufacturer, str) or not manufacturer.strip():
        return None
    return _find_vendor(manufacturer)


@lru_cache
def _find_vendor(manufacturer: str) -> str:
    words = " ".join(re.findall("[a-z]+", manufacturer.lower())) + " "
    return next((name for start, name in _VENDORS.items() if words.startswith(f"{start} ")), _OTHER_VENDOR)


def _read_number(content: Mapping[str, Any], name: str, faults: list[str]) -> float | None:
    value = content.get(name)
    return None if value is None else _check_number(value, name, faults)


def _check_number(value: Any, name: str, faults: list[str]) -> float | None:
    """Return a number within its limits; a fault does not repeat text, which may tell an identity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(
            f"gives {name} as {_KINDS.get(type(value), 'null')}, no number: correct it or remove it"
        )
        return None
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    low, high = _LIMITS.get(name, (0, float("inf")))
    if not isfinite(number):
        faults.append(f"gives {name} as {number:g}, no finite number: correct it or remove it")
        return None
    if not low <= number <= high:
        faults.append(f"gives {name} as {number:g}, outside {low:g} to {high:g}: correct it or remove it")
        return None
    return number


def _read_time(content: Mapping[str, Any], time: Time, faults: list[str]) -> tuple[float | None, bool]:
    """Return a time in ms, and whether it was written in ms."""
    value = _read_number(content, time.name, faults)
    if value is None or value == 0:  # 0: DICOM's for "does not apply"
        return None, False
    in_ms = value >= time.seconds_below
    milliseconds = value if in_ms else 1000 * value
    if not time.low <= milliseconds <= time.high:
        faults.append(
            f"gives {time.name} as {value:g}, in s or in ms outside {time.low:g} to {time.high:g} ms: "
            "correct it or remove it"
        )
        return None, False
    return milliseconds, in_ms


def _read_geometry(
    content: Mapping[str, Any], faults: list[str]
) -> tuple[tuple[float, float, float] | None, int | None]:
    """Return voxel and slices of the scan; None each unless all of it is given, and right."""
    pair = content.get("PixelSpacing")
    if pair is None or None in (content.get("SpacingBetweenSlices"), content.get("NumberOfSlices")):
        return None, None
    if not isinstance(pair, list) or len(pair) != 2:
        faults.append("gives PixelSpacing not as a list of two numbers: correct it or remove it")
        return None, None
    rows, columns = (_check_number(side, "PixelSpacing", faults) for side in pair)
    spacing, slices = (
        _read_number(content, name, faults) for name in ("SpacingBetweenSlices", "NumberOfSlices")
    )
    if slices is not None and slices % 1:
        faults.append(f"gives NumberOfSlices as {slices:g}, no whole number: correct it or remove it")
        return None, None
    if rows is None or columns is None or spacing is None or slices is None:
        return None, None
    return (columns, rows, spacing), int(slices)


def list_faults(
    series: str, sidecar: Sidecar, *, field_t: float | None, sheet_b_value: float | None, used_b_value: float
) -> Iterator[str]:
    """Yield sentences on what a series' file says, without their subject, the file.

    Parameters
    ----------
    series : name of the series.
    field_t, sheet_b_value : T and s/mm2, of the cohort sheet; None where it has none.
    used_b_value : s/mm2, with which the pipeline computes.
    """
    yield from sidecar.faults
    if field_t and sidecar.field_t and abs(field_t - sidecar.field_t) > 0.1 * field_t:
        yield (
            f"gives a field strength of {sidecar.field_t:g} T, and column field_t of the cohort sheet "
            f"{field_t:g} T: correct the wrong one"
        )
    if series == "t2w" and sidecar.b_value and sidecar.b_value > _LARGEST_B0:
        yield (
            f"gives a b-value of {sidecar.b_value:g} s/mm²: name the image at b = 0 in column t2w of the "
            "cohort sheet"
        )
    if series == "dwi" and sidecar.b_value is not None and abs(sidecar.b_value - used_b_value) > _SAME_B:
        yield _doubt_b_value(sidecar.b_value, sheet_b_value=sheet_b_value, used_b_value=used_b_value)
    if series == "flair" and sidecar.ti_ms and sidecar.ti_ms < _LEAST_TI_MS:
        yield (
            f"gives a TI of {sidecar.ti_ms:g} ms, that of a T1-weighted FLAIR: name the T2-weighted one in "
            "column flair, or exclude the patient (cohort.exclude)"
        )


def _doubt_b_value(b_value: float, *, sheet_b_value: float | None, used_b_value: float) -> str:
    """Return the sentence on a DWI's b-value that is not the one that is computed with."""
    low, high = SHEET_LIMITS["b_value"]
    if not low <= b_value <= high:
        return (
            f"gives a b-value of {b_value:g} s/mm², which no diffusion-weighted image has: name that image "
            "in column dwi of the cohort sheet, or correct the file"
        )
    if sheet_b_value:
        return (
            f"gives a b-value of {b_value:g} s/mm², and column b_value of the cohort sheet "
            f"{sheet_b_value:g}: correct the wrong one"
        )
    placeholder = " (dcm2niix writes 2000 where it finds none)" if b_value == _NO_B_FOUND else ""
    return (
        f"gives a b-value of {b_value:g} s/mm²{placeholder}, and {used_b_value:g} is computed with: give the "
        "scanner's in column b_value of the cohort sheet"
    )
