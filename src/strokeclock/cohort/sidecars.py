"""BIDS sidecars: what the JSON beside an image says of its acquisition. Standard library alone.

Only the fields named here are read. All others, such as institution, station, names, dates and UIDs, stay
where they are.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

_VENDORS = {  # how Manufacturer begins, in small letters -> vendor
    "siemens": "Siemens",
    "philips": "Philips",
    "ge": "GE",
    "general electric": "GE",
    "canon": "Canon",
    "toshiba": "Canon",
    "united imaging": "United Imaging",
    "uih": "United Imaging",
}


class _Time(NamedTuple):
    """A time: values below `seconds_below` are in s, others in ms; it must lie within [low, high] ms."""

    name: str
    seconds_below: float
    low: float
    high: float


# No TR in s reaches 100 and none in ms is below; likewise the others.
_TIMES = {
    "tr_ms": _Time("RepetitionTime", 100, 300, 30_000),
    "te_ms": _Time("EchoTime", 1, 3, 1_000),
    "ti_ms": _Time("InversionTime", 10, 20, 10_000),
}
_LEAST_TI_MS = 1500  # of a T2-weighted FLAIR
_LARGEST_B0 = 50  # s/mm2
_SAME_B = 10  # s/mm2, by which scanners report a b-value wrongly
_LIMITS = {"MagneticFieldStrength": (0.05, 12), "DiffusionBValue": (0, 10_000)}


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What a sidecar says; None where it does not.

    Attributes
    ----------
    vendor : Siemens, Philips, GE …; another manufacturer as it is written.
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
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Sidecar()
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        return Sidecar(faults=("is no JSON object: write it again, or remove it",))
    faults: list[str] = []
    times = {name: _read_time(content, time, faults) for name, time in _TIMES.items()}
    voxel_mm, slices = _read_geometry(content)
    return Sidecar(
        vendor=_read_vendor(content.get("Manufacturer")),
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


def read_b_value(path: str | Path) -> float | None:
    """Return the largest b-value of a .bval file, s/mm2; None where there is no file or no number in it."""
    with suppress(OSError, ValueError):
        return max(map(float, Path(path).read_text().split()), default=None)
    return None


def _read_vendor(manufacturer: Any) -> str | None:
    if not isinstance(manufacturer, str) or not manufacturer.strip():
        return None
    words = f"{manufacturer.strip().lower()} ".replace("_", " ")
    return next(
        (name for start, name in _VENDORS.items() if words.startswith(f"{start} ")), manufacturer.strip()
    )


def _read_number(content: Mapping[str, Any], name: str, faults: list[str]) -> float | None:
    value = content.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(f"gives {name} as {value!r}, no number: correct it or remove it")
        return None
    low, high = _LIMITS.get(name, (0, float("inf")))
    if not low <= value <= high:
        faults.append(f"gives {name} as {value:g}, outside {low:g} to {high:g}: correct it or remove it")
        return None
    return float(value)


def _read_time(content: Mapping[str, Any], time: _Time, faults: list[str]) -> tuple[float | None, bool]:
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
    content: Mapping[str, Any],
) -> tuple[tuple[float, float, float] | None, int | None]:
    try:
        rows, columns = map(float, content["PixelSpacing"])
        spacing, slices = float(content["SpacingBetweenSlices"]), int(content["NumberOfSlices"])
    except (KeyError, TypeError, ValueError):
        return None, None
    return (columns, rows, spacing), slices


def list_faults(series: str, sidecar: Sidecar, *, field_t: float | None, b_value: float) -> Iterator[str]:
    """Yield sentences on what a series' file says, without their subject, the file.

    Parameters
    ----------
    series : name of the series.
    field_t : field strength of the cohort sheet, T; None where it has none.
    b_value : s/mm2, with which the pipeline computes.
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
    if series == "dwi" and sidecar.b_value and abs(sidecar.b_value - b_value) > _SAME_B:
        yield (
            f"gives a b-value of {sidecar.b_value:g} s/mm², and {b_value:g} is computed with: correct column "
            "b_value of the cohort sheet"
        )
    if series == "flair" and sidecar.ti_ms and sidecar.ti_ms < _LEAST_TI_MS:
        yield (
            f"gives a TI of {sidecar.ti_ms:g} ms, that of a T1-weighted FLAIR: name the T2-weighted one in "
            "column flair, or exclude the patient (cohort.exclude)"
        )
