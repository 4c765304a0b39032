"""What may leave the source: the fields of a sidecar by a list, and NIfTI files without text.

Everything else stays where it is: names, dates, institutions, stations, serial numbers, UIDs, descriptions
and comments. A field that may be kept is kept only if its value is a number or a word that is known, because
people write other things in any field.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib

from strokeclock.cohort.sidecars import TIMES, beside, name_vendor

_IMAGE_TYPE_WORDS = {  # values of ImageType that say how an image was made
    *("ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY", "OTHER", "MIXED", "NONE", "M", "P", "R", "I"),
    *("M_SE", "M_FFE", "M_IR", "M_PCA", "SE", "FFE", "IR", "ND", "NORM", "DIS2D", "DIS3D", "FIL", "FM"),
    *("MFSPLIT", "MOSAIC", "RESAMPLED", "REFORMATTED", "AVERAGE", "MPR", "MIP", "MINIP", "MIN_IP", "MAX_IP"),
    *("PROJECTION", "PROJECTION_IMAGE", "ADDITION", "SUBTRACTION", "SYNTHETIC", "LOCALIZER", "EPI"),
    *("PERFUSION", "SWI", "DIFFUSION", "DWI", "TRACE", "TRACEW", "ISOTROPIC", "ISO", "CALC_BVALUE"),
    *("CALC_BVAL", "TENSOR", "TENSOR_B0", "ADC", "EADC", "EXP", "EXPADC", "ADC_UNSPECIFIED", "FA"),
    *("FRACT_ANISO", "FRACTIONAL_ANISOTROPY", "COLFA", "T1", "T2", "T2_STAR", "FLAIR", "FLUID_ATTENUATED"),
}
_HEADER_FIELDS = (  # of NIfTI: what places the voxels and gives them their values
    *("dim", "datatype", "bitpix", "pixdim", "scl_slope", "scl_inter", "xyzt_units"),
    *(
        "qform_code",
        "sform_code",
        "quatern_b",
        "quatern_c",
        "quatern_d",
        "qoffset_x",
        "qoffset_y",
        "qoffset_z",
    ),
    *("srow_x", "srow_y", "srow_z"),
)
_DIGITS = 6  # significant; a measured number needs no more, and a number of more digits may be an identifier


def _within(low: float, high: float) -> Callable[[Any], float | int | None]:
    """Return a function that returns a number within bounds, and None for anything else."""

    def read(value: Any) -> float | int | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not low <= value <= high:  # nor is NaN
            return None
        rounded = float(f"{value:.{_DIGITS}g}")
        return int(rounded) if isinstance(value, int) else rounded

    return read


def _time(name: str) -> Callable[[Any], float | None]:
    """Return a function that returns a time in s, whether it is given in s or, as in DICOM, in ms."""
    time = next(time for time in TIMES.values() if time.name == name)

    def read(value: Any) -> float | None:
        number = _within(0, time.high)(value)
        if not number:  # 0: DICOM's for "does not apply"
            return None
        seconds = number / 1000 if number >= time.seconds_below else number
        in_bounds = time.low <= 1000 * seconds <= time.high
        return float(f"{seconds:.{_DIGITS}g}") if in_bounds else None

    return read


def _spacing(value: Any) -> list[float] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    sides = [_within(0.05, 20)(side) for side in value]
    return [float(side) for side in sides if side is not None] if None not in sides else None


def _whole(low: int, high: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        number = _within(low, high)(value)
        return None if number is None or number % 1 else int(number)

    return read


def _one_of(*words: str) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _image_type(value: Any) -> list[str] | None:
    """Return the words that are known; text may stand among the others."""
    if isinstance(value, str):
        value = re.split(r"[\\/,]", value)
    if not isinstance(value, list | tuple):
        return None
    words = [str(word).strip().upper() for word in value if isinstance(word, str)]
    return [word for word in words if word in _IMAGE_TYPE_WORDS] or None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


# BIDS name of a field -> its value in BIDS units if that may be kept, else None.
KEPT: Mapping[str, Callable[[Any], Any]] = {
    "Manufacturer": name_vendor,
    "MagneticFieldStrength": _within(0.05, 12),  # T
    "RepetitionTime": _time("RepetitionTime"),  # s
    "EchoTime": _time("EchoTime"),  # s
    "InversionTime": _time("InversionTime"),  # s
    "FlipAngle": _within(0, 360),  # degrees
    "DiffusionBValue": _within(0, 10_000),  # s/mm2
    "MRAcquisitionType": _one_of("2D", "3D"),
    "ImageType": _image_type,
    "PixelSpacing": _spacing,  # mm, rows and columns
    "SliceThickness": _within(0.05, 100),  # mm
    "SpacingBetweenSlices": _within(0.05, 100),  # mm
    "NumberOfSlices": _whole(1, 10_000),
    "SkullStripped": _boolean,
}


def keep(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a sidecar that may be kept, in BIDS units and in the order of `KEPT`.

    Values that are not what their field is for are left out: text in place of a number, numbers out of
    bounds, words of ImageType that are not known. Manufacturer becomes the vendor's name alone.
    """
    kept = {name: read(content[name]) for name, read in KEPT.items() if name in content}
    return {name: value for name, value in kept.items() if value is not None}


def write_sidecar(image: str | Path, content: Mapping[str, Any]) -> Path:
    """Write what may be kept of a sidecar beside an image; return the path. Without fields it is {}."""
    path = beside(image, ".json")
    # not `write_whole`: an import writes thousands, into a folder that appears whole or not at all
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(keep(content)) + "\n")
    return Path(path)


def blank_header(header: nib.Nifti1Header) -> nib.Nifti1Header:
    """Return a NIfTI header, little-endian, of a single file, with nothing but the fields that are needed.

    Text fields and free numbers are empty, and no extension follows: the voxels do, after four zeros.
    """
    blank = type(header)(endianness="<", check=False)
    for name in _HEADER_FIELDS:
        blank[name] = header[name]
    is_second = isinstance(header, nib.Nifti2Header)
    blank["magic"] = b"n+2" if is_second else b"n+1"
    blank["vox_offset"] = blank.sizeof_hdr + 4
    return blank


def is_blank(header: nib.Nifti1Header) -> bool:
    """Whether `blank_header` and the four zeros after it would change nothing of a NIfTI header."""
    if header.endianness != "<":
        return False
    stored, (default, fields) = header.binaryblock, _find_free(type(header))
    return all(stored[field] == default[field] for field in fields)


@cache
def _find_free(header_type: type[nib.Nifti1Header]) -> tuple[bytes, tuple[slice, ...]]:
    """Return a blank header's bytes, and where those lie that no header keeps (`_HEADER_FIELDS`)."""
    blank = blank_header(header_type())
    places: Any = blank.template_dtype.fields
    free = (place[:2] for name, place in places.items() if name not in _HEADER_FIELDS)
    return blank.binaryblock, tuple(slice(start, start + kind.itemsize) for kind, start in free)


def is_plain_gzip(start: bytes) -> bool:
    """Whether a gzip file, by its first bytes, says no name, comment or time."""
    return start[:2] == b"\x1f\x8b" and start[3:8] == b"\0\0\0\0\0"
