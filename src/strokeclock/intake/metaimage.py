"""The header of a MetaImage: .mha, or .mhd with its .raw or .zraw.

Own code, because ITK takes a file without direction, position or spacing for one with identity, and takes
memory before it compares the header with the file. Source: itk.org/Wiki/ITK/MetaIO/Documentation and
Modules/ThirdParty/MetaIO/src/MetaIO of ITK 5.4.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from strokeclock.intake.header_text import LPS, Fields, affine_of, numbers, whole_numbers
from strokeclock.intake.payload import Packing, Payload, Refuse, check_shape, find_beside

_TYPES = {  # MET_LONG has 4 bytes in MetaIO
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_SYNONYMS = {  # as MetaIO reads them
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "Position": "Offset",
    "Origin": "Offset",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
_USED = {
    *(
        "NDims",
        "DimSize",
        "TransformMatrix",
        "Offset",
        "ElementSpacing",
        "ElementType",
        "AnatomicalOrientation",
    ),
    *("ElementNumberOfChannels", "BinaryData", "BinaryDataByteOrderMSB", "CompressedData", "HeaderSize"),
    "ElementDataFile",
}
_TOWARDS = {  # first voxel at -> the way of the axis in RAS+
    letter: sign * np.eye(3)[axis]
    for axis, ends in enumerate(("LR", "PA", "IS"))
    for letter, sign in zip(ends, (1, -1), strict=True)
}
_SAME_WAY = 0.3  # cosine; of an oblique axis, whose letter may be that of the second nearest


def read_metaimage(path: Path, start: bytes, *, several: bool, refuse: Refuse) -> tuple[Payload, np.ndarray]:
    """Return where the voxels of a MetaImage are, and its affine: voxel index to world RAS+ mm.

    Parameters
    ----------
    start : the file's first bytes, with its whole header.
    several : whether it may hold several volumes.

    Raises
    ------
    PatientError
        The header has no direction, position or spacing, or contradicts itself; the voxels are no plain
        numbers; or the data file lies elsewhere.
    """
    header, end = _read_fields(start, refuse)
    (axes,) = _whole_numbers(header, "NDims", 1, refuse)
    if axes not in (3, 4):
        raise refuse(f"has {axes} dimensions; give three-dimensional volumes")
    shape = _whole_numbers(header, "DimSize", axes, refuse)
    check_shape(shape, several=several, refuse=refuse)
    affine = _read_affine(header, axes, refuse)
    _compare_orientation(header.get("AnatomicalOrientation", ""), affine, refuse)
    return _locate(path, header, end, shape=shape, dtype=_read_type(header, refuse), refuse=refuse), affine


def _read_fields(start: bytes, refuse: Refuse) -> tuple[Mapping[str, str], int]:
    """Return the fields that are used, and the byte behind the header's last line."""
    fields = Fields(refuse)
    end = 0
    while "ElementDataFile" not in fields:
        line_end = start.find(b"\n", end)
        if line_end < 0 and end == len(start):
            raise refuse("has a header without ElementDataFile; export it again")
        line_end = line_end if line_end >= 0 else len(start) - 1  # the last line of a .mhd may be open
        name, _, value = start[end : line_end + 1].decode("latin-1").partition("=")
        name = _SYNONYMS.get(name.strip(), name.strip())
        if name in _USED:
            fields.add(name, value.strip())
        end = line_end + 1
    return fields, end


def _require(header: Mapping[str, str], name: str, refuse: Refuse) -> str:
    if name not in header:
        raise refuse(f"has no {name} in its header; export it again with it")
    return header[name]


def _numbers(header: Mapping[str, str], name: str, count: int, refuse: Refuse) -> np.ndarray:
    return numbers(_require(header, name, refuse), count, name=name, refuse=refuse)


def _whole_numbers(header: Mapping[str, str], name: str, count: int, refuse: Refuse) -> tuple[int, ...]:
    return whole_numbers(_require(header, name, refuse), count, name=name, refuse=refuse)


def _read_affine(header: Mapping[str, str], axes: int, refuse: Refuse) -> np.ndarray:
    if "TransformMatrix" not in header:
        raise refuse("has no direction (TransformMatrix), so left and right are unknown; export it again")
    directions = _numbers(header, "TransformMatrix", axes**2, refuse).reshape(axes, axes)  # a row an axis
    origin = _numbers(header, "Offset", axes, refuse)
    spacing = _numbers(header, "ElementSpacing", axes, refuse)
    if np.abs(directions[3:, :3]).sum() + np.abs(directions[:3, 3:]).sum() > 1e-6:
        raise refuse("has a direction that mixes space and volumes; export each volume alone")
    lengths = np.linalg.norm(directions[:3, :3], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or spacing.min() <= 0:
        raise refuse("has an impossible direction or spacing in its header; export it again")
    return affine_of(directions[:3, :3] * spacing[:3, None], origin[:3], LPS)


def _compare_orientation(letters: str, affine: np.ndarray, refuse: Refuse) -> None:
    """Refuse letters that say otherwise than the matrix. They name where each axis begins: RAI is LPS."""
    letters = letters.strip().upper()[:3]
    if not letters or "?" in letters:
        return
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    along = [
        _TOWARDS[letter] @ direction
        for letter, direction in zip(letters, directions.T, strict=False)
        if letter in _TOWARDS
    ]
    if len(along) < 3 or min(along) < _SAME_WAY:
        raise refuse(
            "contradicts itself about left and right: AnatomicalOrientation says otherwise than "
            "TransformMatrix; export it again"
        )


def _read_type(header: Mapping[str, str], refuse: Refuse) -> np.dtype:
    if header.get("ElementNumberOfChannels", "1") != "1" or header.get("ElementType", "").endswith("_ARRAY"):
        raise refuse("holds several numbers a voxel (colours or vectors); give the series of grey values")
    if header.get("ElementType") not in _TYPES:
        raise refuse("holds voxels of a kind that is not supported (ElementType); export it as MET_SHORT")
    dtype = np.dtype(_TYPES[header["ElementType"]])
    return dtype.newbyteorder(">" if _is_true(header, "BinaryDataByteOrderMSB", refuse=refuse) else "<")


def _is_true(header: Mapping[str, str], name: str, *, default: bool = False, refuse: Refuse) -> bool:
    value = header.get(name, "").lower()
    if value not in ("", "true", "false", "t", "f", "1", "0"):
        raise refuse(f"has a {name} that is neither True nor False; export it again")
    return value in ("true", "t", "1") if value else default


def _locate(
    path: Path,
    header: Mapping[str, str],
    end: int,
    *,
    shape: tuple[int, ...],
    dtype: np.dtype,
    refuse: Refuse,
) -> Payload:
    if not _is_true(header, "BinaryData", default=True, refuse=refuse):
        raise refuse("holds its voxels as text; export it as binary data")
    packing: Packing = "zlib" if _is_true(header, "CompressedData", refuse=refuse) else ""
    data, begin = path, end
    name = header["ElementDataFile"]
    if name.upper().startswith("LIST") or "%" in name:
        raise refuse("spreads its voxels over several files; export it as one file")
    if name.upper() != "LOCAL":
        data, begin = find_beside(path, name, refuse), 0
    (before,) = _whole_numbers(header, "HeaderSize", 1, refuse) if "HeaderSize" in header else (0,)
    payload = Payload(path=data, start=begin + max(before, 0), packing=packing, shape=shape, dtype=dtype)
    if before < 0 and not packing:  # the voxels end the file
        return Payload(
            path=data,
            start=max(begin, data.stat().st_size - payload.size),
            packing=packing,
            shape=shape,
            dtype=dtype,
        )
    return payload
