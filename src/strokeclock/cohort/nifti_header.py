"""Shape, voxel and place of a NIfTI image, from the first bytes of its file. Standard library alone.

Layout: nifti.nimh.nih.gov/nifti-1 and nifti-2.
"""

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

START = 4096  # bytes of a file that hold its header, compressed or not
_UNPACKED = 544
_SIZES = {348: "", 540: "2"}  # of the header -> version
_MOST_AXES = 7


class NiftiHeader(NamedTuple):
    """What a header says of the grid.

    Attributes
    ----------
    shape : voxels along each stored axis, without trailing axes of one voxel beyond the third.
    voxel_mm : the first three sides, as they are stored.
    place : codes and numbers of qform and sform; two images on one grid have the same shape, voxel and place.
    """

    shape: tuple[int, ...]
    voxel_mm: tuple[float, float, float]
    place: tuple[float, ...]


def read_header(path: str | Path) -> NiftiHeader | None:
    """Read the header of a .nii or .nii.gz file; None where it is no NIfTI file. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        return parse_header(file.read(START))


def parse_header(start: bytes) -> NiftiHeader | None:
    """Read the header from a file's first bytes, `START` of them, compressed by gzip or not."""
    if start[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(31).decompress(start, _UNPACKED)
        except zlib.error:
            return None
    for order in "<>":
        size = struct.unpack(f"{order}i", start[:4])[0] if len(start) >= 4 else 0
        if size in _SIZES and len(start) >= size:
            return _parse_second(start, order) if _SIZES[size] else _parse_first(start, order)
    return None


def _parse_first(start: bytes, order: str) -> NiftiHeader | None:
    if start[344:347] not in (b"n+1", b"ni1"):
        return None
    dim = struct.unpack(f"{order}8h", start[40:56])
    pixdim = struct.unpack(f"{order}8f", start[76:108])
    codes = struct.unpack(f"{order}2h", start[252:256])
    return _describe(dim, pixdim, (*codes, *struct.unpack(f"{order}18f", start[256:328])))


def _parse_second(start: bytes, order: str) -> NiftiHeader | None:
    if start[4:7] not in (b"n+2", b"ni2"):
        return None
    dim = struct.unpack(f"{order}8q", start[16:80])
    pixdim = struct.unpack(f"{order}8d", start[104:168])
    codes = struct.unpack(f"{order}2i", start[344:352])
    return _describe(dim, pixdim, (*codes, *struct.unpack(f"{order}18d", start[352:496])))


def _describe(
    dim: tuple[int, ...], pixdim: tuple[float, ...], place: tuple[float, ...]
) -> NiftiHeader | None:
    axes = dim[0]
    if not 1 <= axes <= _MOST_AXES:
        return None
    shape = dim[1 : axes + 1]
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    x, y, z = pixdim[1:4]
    return NiftiHeader(shape, (x, y, z), (pixdim[0], *place))
