"""The header of an NRRD: .nrrd, or .nhdr with its data file.

Own code, because ITK takes a file without space or direction for one with identity, and takes memory before
it compares the header with the file. Source: teem.sourceforge.net/nrrd/format.html (definition of 2006).
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from strokeclock.intake.header_text import LPS, Fields, affine_of, numbers, whole_numbers
from strokeclock.intake.payload import Packing, Payload, Refuse, check_shape, find_beside, refusing_paths

_SPACES = {  # name -> sign of each axis in RAS+
    "right-anterior-superior": np.array([1.0, 1.0, 1.0]),
    "ras": np.array([1.0, 1.0, 1.0]),
    "left-anterior-superior": np.array([-1.0, 1.0, 1.0]),
    "las": np.array([-1.0, 1.0, 1.0]),
    "left-posterior-superior": LPS,
    "lps": LPS,
}
_TYPES = {
    name: code
    for code, names in {
        "i1": "signed char, int8, int8_t",
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i4": "int, signed int, int32, int32_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
        "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(", ")
}
_PACKINGS: Mapping[str, Packing] = {
    "raw": "",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
}
_SYNONYMS = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
_USED = {
    *("type", "dimension", "sizes", "encoding", "endian", "space", "space directions", "space origin"),
    *("kinds", "data file", "line skip", "byte skip", "space units"),
}
_VOLUME_KINDS = {"list", "time", "none", "???", "domain", "space", "point"}  # of the axis of the volumes


def read_nrrd(path: Path, start: bytes, *, several: bool, refuse: Refuse) -> tuple[Payload, int, np.ndarray]:
    """Return where the voxels of an NRRD are, which axis counts its volumes, and its affine.

    The affine leads from voxel index to world RAS+ mm. Without an axis of volumes its number is 3.

    Parameters
    ----------
    start : the file's first bytes, with its whole header.
    several : whether it may hold several volumes.

    Raises
    ------
    PatientError
        The header has no direction, space or origin, or contradicts itself; the voxels are no plain numbers;
        or the data file lies elsewhere.
    """
    header, end = _read_fields(start, refuse)
    (axes,) = _whole_numbers(header, "dimension", 1, refuse)
    if not 3 <= axes <= 4:
        raise refuse(f"has {axes} axes; give three-dimensional volumes")
    shape = _whole_numbers(header, "sizes", axes, refuse)
    signs = _read_space(header, refuse)
    steps, counted = _read_steps(header, axes, refuse)
    in_space = tuple(size for axis, size in enumerate(shape) if axis != counted)
    if counted < axes:
        _check_kind(header, counted, axes, shape, refuse)
        in_space = (*in_space, shape[counted])
    check_shape(in_space, several=several, refuse=refuse)
    origin = numbers(
        _bare(_require(header, "space origin", refuse), refuse), 3, name="space origin", refuse=refuse
    )
    return _locate(path, header, end, shape, refuse), counted, affine_of(steps, origin, signs)


def _read_fields(start: bytes, refuse: Refuse) -> tuple[Mapping[str, str], int]:
    """Return the fields that are used, and the byte behind the header."""
    fields = Fields(refuse)
    end = start.find(b"\n") + 1
    while end:
        line_end = start.find(b"\n", end)
        line = start[end : line_end if line_end >= 0 else len(start)].decode("latin-1").rstrip("\r")
        end = line_end + 1
        name, colon, value = line.partition(": ")
        name = _SYNONYMS.get(name.strip().lower(), name.strip().lower())
        if colon and name in _USED and not line.startswith("#"):
            fields.add(name, value.strip())
        if not line.strip():
            break
    if not end and "data file" not in fields:
        raise refuse("has a header without an end; copy it again")
    return fields, end


def _require(header: Mapping[str, str], name: str, refuse: Refuse) -> str:
    if name not in header:
        raise refuse(f"has no {name} in its header; export it again with it")
    return header[name]


def _whole_numbers(header: Mapping[str, str], name: str, count: int, refuse: Refuse) -> tuple[int, ...]:
    return whole_numbers(_require(header, name, refuse), count, name=name, refuse=refuse)


def _bare(vector: str, refuse: Refuse) -> str:
    """Return the numbers of (a,b,c) with spaces between them."""
    if not re.fullmatch(r"\([^()]*\)", vector):
        raise refuse("has a damaged vector in its header; export it again")
    return vector[1:-1].replace(",", " ")


def _read_steps(header: Mapping[str, str], axes: int, refuse: Refuse) -> tuple[np.ndarray, int]:
    """Return the step along each axis of space, (3, 3) a row an axis, and the axis that is none of them."""
    if "space directions" not in header:
        raise refuse("has no direction (space directions), so left and right are unknown; export it again")
    vectors = re.findall(r"none|\([^()]*\)|\S+", header["space directions"])
    others = [axis for axis, vector in enumerate(vectors) if vector == "none"]
    if len(vectors) != axes or len(others) != axes - 3:
        raise refuse("has a damaged space directions in its header, not three directions; export it again")
    steps = [
        numbers(_bare(vector, refuse), 3, name="space directions", refuse=refuse)
        for vector in vectors
        if vector != "none"
    ]
    return np.array(steps), others[0] if others else axes


def _check_kind(
    header: Mapping[str, str], counted: int, axes: int, shape: tuple[int, ...], refuse: Refuse
) -> None:
    kinds = header.get("kinds", " ".join(["???"] * axes)).split()
    if len(kinds) != axes:
        raise refuse("has a damaged kinds in its header; export it again")
    if shape[counted] > 1 and kinds[counted].lower() not in _VOLUME_KINDS:
        raise refuse("holds several numbers a voxel (colours or vectors); give the series of grey values")


def _read_space(header: Mapping[str, str], refuse: Refuse) -> np.ndarray:
    space = header.get("space", "").lower()
    if space not in _SPACES:
        raise refuse(
            "does not say where its axes lead (space: left-posterior-superior, …), so left and right are "
            "unknown; export it again"
        )
    units = set(re.findall(r'"([^"]*)"', header.get("space units", "")))
    if units - {"mm", ""}:
        raise refuse("gives its space in other units than mm (space units); export it again")
    return _SPACES[space]


def _locate(
    path: Path, header: Mapping[str, str], end: int, shape: tuple[int, ...], refuse: Refuse
) -> Payload:
    kind = " ".join(header.get("type", "").lower().split())
    if kind not in _TYPES:
        raise refuse("holds voxels of a kind that is not supported (type); export it as short")
    dtype = np.dtype(_TYPES[kind])
    order = header.get("endian", "").lower()
    if dtype.itemsize > 1 and order not in ("little", "big"):
        raise refuse("does not say its byte order (endian); export it again")
    dtype = dtype.newbyteorder(">" if order == "big" else "<")
    encoding = header.get("encoding", "").lower()
    if encoding not in _PACKINGS:
        raise refuse("holds its voxels neither raw nor packed by gzip or bzip2 (encoding); export it as raw")
    packing = _PACKINGS[encoding]
    data, begin = path, end
    if "data file" in header:
        name = header["data file"]
        if name.upper().startswith("LIST") or "%" in name:
            raise refuse("spreads its voxels over several files; export it as one file")
        data, begin = find_beside(path, name, refuse), 0
    lines, skip = (
        _whole_numbers(header, name, 1, refuse)[0] if name in header else 0
        for name in ("line skip", "byte skip")
    )
    begin = _skip_lines(data, begin, lines, refuse)
    payload = Payload(
        path=data,
        start=begin,
        packing=packing,
        skip=max(skip, 0),
        shape=shape,
        dtype=dtype,
    )
    if skip < 0 and not packing:  # -1: the voxels end the file
        begin = max(begin, data.stat().st_size - payload.size)
        return Payload(path=data, start=begin, packing=packing, shape=shape, dtype=dtype)
    return payload


def _skip_lines(path: Path, begin: int, count: int, refuse: Refuse) -> int:
    """Return the byte behind so many lines, of the file itself even where it is packed."""
    if not count:
        return begin
    with refusing_paths(refuse), open(path, "rb") as file:
        file.seek(begin)
        if not 0 < count < 10_000 or not all(file.readline(2**16).endswith(b"\n") for _ in range(count)):
            raise refuse("has fewer lines than it says to skip (line skip); copy it again")
        return file.tell()
