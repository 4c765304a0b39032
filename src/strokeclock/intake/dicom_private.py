"""Where vendors put b-values, directions and scales: elements of their own in DICOM headers.

Tags are those of dcm2niix's notes on the vendors (console/, Philips/, GE/, Siemens/, Canon/).
"""

import re
import struct
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

GE_OFFSET = 1_000_000_000  # GE adds it to b-values
_USUAL_BLOCK = 0x10
_SIEMENS, _PHILIPS, _GE = "SIEMENS MR HEADER", "Philips Imaging DD 001", "GEMS_PARM_01"
_UIH = "Image Private Header"
_PHILIPS_MR = "Philips MR Imaging DD 001"
_PHILIPS_FRAME = "Philips MR Imaging DD 005"
_SEQUENCE_NAME = re.compile(
    r"ep_b(\d+)(t?)(?![\d.])"
)  # Siemens: *ep_b1000t is a trace, *ep_b1000#2 a direction
_COMMENT = re.compile(r"\bb\s*=\s*(\d+(?:\.\d+)?)", re.IGNORECASE)  # Canon: b=1000(0.35,-0.72,0.61)
_GE_COMBINED, _GE_DIRECTIONS = (15,), (3, 4, 5)
_PHILIPS_DIRECTIONS = {"I": True, "P": False, "M": False, "S": False, "O": False}


class Weighting(NamedTuple):
    """How one image is diffusion-weighted.

    Attributes
    ----------
    b_value : s/mm2; None where the header does not say.
    isotropic : it is the trace, or mean, of several directions; False: of one; None where it is not known.
    direction : of the gradient, in the patient's or the image's axes; only compared.
    told : the header has an element that only diffusion images have.
    """

    b_value: float | None = None
    isotropic: bool | None = None
    direction: tuple[float, float, float] | None = None
    told: bool = False


def find_private(header: Dataset, group: int, creator: str, element: int) -> Any:
    """Return the value of a vendor's own element, whichever block of the group is the vendor's; None: none.

    Where a group has lost its creators, as some anonymisers leave it, the usual block is read.
    """
    try:
        block = header.private_block(group, creator)
    except KeyError:
        creators = any(header.get((group, number)) is not None for number in range(0x10, 0x20))
        found = None if creators else header.get((group, (_USUAL_BLOCK << 8) + element))
        return None if found is None else found.value
    return block[element].value if element in block else None


def read_numbers(value: Any, binary: str = "") -> list[float]:
    """Return the numbers of a value of any kind, also where its type was lost (VR UN: bytes).

    Parameters
    ----------
    binary : what bytes hold, f or d for floats of 4 or 8 bytes; "" for text.
    """
    if value is None:
        return []
    if isinstance(value, bytes):
        size = struct.calcsize(binary) if binary else 0
        if size and len(value) >= size and len(value) % size == 0 and not _is_number_text(value):
            return [float(one) for one in struct.unpack(f"<{len(value) // size}{binary}", value)]
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.strip(" \0").split("\\")
    numbers = []
    for one in value if isinstance(value, list | tuple | MultiValue) else [value]:
        try:
            numbers.append(float(one))
        except (TypeError, ValueError):
            return []
    return numbers if np.isfinite(numbers).all() else []


def _is_number_text(value: bytes) -> bool:
    return re.fullmatch(rb"[\d.+\-\\eE ]+[\0 ]?", value) is not None


def _first(value: Any, binary: str = "") -> float | None:
    numbers = read_numbers(value, binary)
    return numbers[0] if numbers else None


def _three(value: Any, binary: str = "") -> tuple[float, float, float] | None:
    numbers = read_numbers(value, binary)
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def read_weighting(header: Dataset, vendor: str | None, diffusion: Dataset | None = None) -> Weighting:
    """Read how an image is diffusion-weighted: by the standard's elements, else by the vendor's.

    Parameters
    ----------
    header : of a single-frame file; of a multi-frame one the frame's or all frames' (`diffusion`).
    diffusion : item of MRDiffusionSequence; None in a single-frame file.
    """
    standard = _read_standard(header if diffusion is None else diffusion)
    own = _read_own(header, vendor)
    named = _read_sequence_name(header)
    b_value = next((one.b_value for one in (standard, own, named) if one.b_value is not None), None)
    if b_value is None and vendor == "Siemens" and "EP" in read_words(header.get("ScanningSequence")):
        b_value = _read_csa(header)
    isotropic = next((one.isotropic for one in (standard, own, named) if one.isotropic is not None), None)
    direction = next((one.direction for one in (standard, own) if one.direction is not None), None)
    return Weighting(b_value, isotropic, direction, standard.told or own.told or named.told)


def _read_own(header: Dataset, vendor: str | None) -> Weighting:
    """Read the vendor's elements; where the header names no vendor, those whose creator is there."""
    if vendor is not None and vendor in _READERS:
        return _READERS[vendor](header)
    for group, creator, name in _CREATORS:
        if creator in header.private_creators(group):
            return _READERS[name](header)
    return Weighting()


def read_words(value: Any) -> tuple[str, ...]:
    """Return the words of an element that may have several values, in capitals."""
    if value is None:
        return ()
    values = value if isinstance(value, list | tuple | MultiValue) else [value]
    return tuple(str(one).strip().upper() for one in values)


def _read_standard(item: Dataset) -> Weighting:
    directionality = str(item.get("DiffusionDirectionality") or "").upper()
    isotropic = {"ISOTROPIC": True, "DIRECTIONAL": False, "BMATRIX": False}.get(directionality)
    vector = item.get("DiffusionGradientOrientation")
    for gradient in item.get("DiffusionGradientDirectionSequence") or ():
        vector = gradient.get("DiffusionGradientOrientation", vector)
    b_value = _first(item.get("DiffusionBValue"), "d")
    return Weighting(b_value, isotropic, _three(vector, "d"), isotropic is not None or bool(b_value))


def _read_siemens(header: Dataset) -> Weighting:
    b_value = _first(find_private(header, 0x0019, _SIEMENS, 0x0C))
    words = find_private(header, 0x0019, _SIEMENS, 0x0D)
    words = words.decode("ascii", "replace") if isinstance(words, bytes) else str(words or "")
    isotropic = {"ISOTROPIC": True, "DIRECTIONAL": False}.get(words.strip(" \0").upper())
    direction = _three(find_private(header, 0x0019, _SIEMENS, 0x0E), "d")
    return Weighting(b_value, isotropic, direction, b_value is not None)


def _read_csa(header: Dataset) -> float | None:
    """Return the b-value of Siemens' CSA header, (0029,xx10)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nibabel calls its DICOM readers experimental
        from nibabel.nicom import csareader
    try:
        csa = csareader.get_csa_header(header, "image")
        return None if csa is None else _first(csareader.get_scalar(csa, "B_value"))
    except Exception:  # of a damaged header: many kinds
        return None


def _read_philips(header: Dataset) -> Weighting:
    """Philips gives b = 0 in images that are no diffusion images, so a 0 tells nothing."""
    b_value = _first(find_private(header, 0x2001, _PHILIPS, 0x03), "f")
    word = find_private(header, 0x2001, _PHILIPS, 0x04)
    word = word.decode("ascii", "replace") if isinstance(word, bytes) else str(word or "")
    parts = [
        _first(find_private(header, 0x2005, _PHILIPS_MR, element), "f") for element in (0xB0, 0xB1, 0xB2)
    ]
    direction = None if None in parts else (parts[0] or 0.0, parts[1] or 0.0, parts[2] or 0.0)
    isotropic = _PHILIPS_DIRECTIONS.get(word.strip(" \0").upper()) if b_value else None
    return Weighting(b_value, isotropic, direction, bool(b_value))


def _read_ge(header: Dataset) -> Weighting:
    """GE gives b = 0 in images that are no diffusion images, so a 0 tells nothing."""
    b_value = _first(find_private(header, 0x0043, _GE, 0x39))
    if b_value is not None:
        b_value = b_value % GE_OFFSET
    kind = _first(find_private(header, 0x0043, _GE, 0x30), "h")
    isotropic = True if kind in _GE_COMBINED else False if kind in _GE_DIRECTIONS else None
    return Weighting(b_value, isotropic if b_value else None, None, bool(b_value))


def _read_uih(header: Dataset) -> Weighting:
    b_value = _first(find_private(header, 0x0065, _UIH, 0x09), "d")
    direction = _three(find_private(header, 0x0065, _UIH, 0x37), "d")
    return Weighting(b_value, None, direction, bool(b_value))


def _read_canon(header: Dataset) -> Weighting:
    found = _COMMENT.search(str(header.get("ImageComments") or ""))
    return Weighting(float(found[1])) if found else Weighting()


def _read_sequence_name(header: Dataset) -> Weighting:
    name = str(header.get("SequenceName") or header.get("PulseSequenceName") or "")
    found = _SEQUENCE_NAME.search(name)
    return Weighting(float(found[1]), True if found[2] else None, None, True) if found else Weighting()


_CREATORS = (
    (0x0019, _SIEMENS, "Siemens"),
    (0x2001, _PHILIPS, "Philips"),
    (0x0043, _GE, "GE"),
    (0x0065, _UIH, "United Imaging"),
)
_READERS: Mapping[str, Callable[[Dataset], Weighting]] = {
    "Siemens": _read_siemens,
    "Philips": _read_philips,
    "GE": _read_ge,
    "United Imaging": _read_uih,
    "Canon": _read_canon,
}


def read_philips_scale(header: Dataset, frame: Dataset | None = None) -> float | None:
    """Return Philips' scale slope, (2005,xx0E): stored values over it are comparable between series."""
    for item in (frame, header):
        if item is None:
            continue
        value = _first(find_private(item, 0x2005, _PHILIPS_MR, 0x0E), "f")
        if value:
            return value
        own = read_philips_frame(item)
        if own is not None and (value := _first(find_private(own, 0x2005, _PHILIPS_MR, 0x0E), "f")):
            return value
    return None


def read_philips_frame(group: Dataset) -> Dataset | None:
    """Return what Philips writes of a frame as of a single-frame file, (2005,xx0F), or None."""
    items = find_private(group, 0x2005, _PHILIPS_FRAME, 0x0F)
    return items[0] if isinstance(items, Sequence) and items and isinstance(items[0], Dataset) else None


class Mosaic(NamedTuple):
    """Siemens' slices side by side in one image: how many, and the normal along which they follow."""

    slices: int
    normal: tuple[float, float, float]


def read_mosaic(header: Dataset) -> Mosaic | None:
    """Read how a mosaic is laid out; None where the header does not say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader
    try:
        csa = csareader.get_csa_header(header, "image")
        slices, normal = csareader.get_n_mosaic(csa), csareader.get_slice_normal(csa)
    except Exception:  # of a damaged header: many kinds
        return None
    if not slices or normal is None:
        return None
    across, down, through = map(float, normal)
    return Mosaic(int(slices), (across, down, through))
