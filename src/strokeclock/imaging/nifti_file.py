"""A NIfTI file from outside: what it is, whether it holds what it says, and its content, never more.

A header is believed only as far as the file bears it out, before memory is taken: a few bytes can claim
terabytes, and a small gzip file can hold them.
"""

import errno
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np
from isal import isal_zlib

from strokeclock.errors import StrokeclockError
from strokeclock.imaging.file_format import explain_not_nifti

MOST_VOXELS = 2**27  # 512 MB as float32; a head of 250 mm in voxels of 0.5 mm has as many
SPARE = 2**16  # bytes behind the last voxel that some programs leave
DEFLATE = 1032  # bytes that one byte of gzip can become, at most

Refuse = Callable[[str], StrokeclockError]  # of what is wrong with a file

_HEAD = 1024  # bytes, enough for a header and for the marks of other formats
_GZIP = b"\x1f\x8b"
_DAMAGED = cast(type[Exception], isal_zlib.error)  # its type stub names no class
# The user gave the wrong path. Other errors are the computer's, and another day the file can be read.
PATH_ERRORS = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def read_nifti(path: Path, refuse: Refuse) -> nib.Nifti1Image:
    """Read a file completely: a lazy reader may return zeros for a truncated one.

    Parameters
    ----------
    path : file
        `.nii` or `.nii.gz`, NIfTI-1 or -2.
    refuse : callable
        Makes the error of what is wrong.

    Raises
    ------
    StrokeclockError
        Made by ``refuse``: the file cannot be read, is of another format, holds less or more than its header
        says, claims an impossible size, holds no plain numbers (colours, complex numbers, single bits), or
        has a negative slope or an intercept that is not a number.
    OSError
        The computer cannot read at all, for example because the disk fails.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            start = file.read(4 * SPARE)
            is_packed = start[:2] == _GZIP
            head = _unpack_head(start) if is_packed else start[:_HEAD]
            image_type, whole = _read_header(head, is_empty=not size, refuse=refuse)
            _compare_sizes(size, whole, is_packed=is_packed, refuse=refuse)
            content = start + file.read(size - len(start))
    except OSError as error:
        if error.errno not in PATH_ERRORS:
            raise
        raise refuse(f"cannot be read ({error.strerror}); correct the path in the cohort sheet") from error
    try:
        content = _unpack(content, whole + SPARE, refuse) if is_packed else content
    except (EOFError, _DAMAGED) as error:
        raise refuse("is truncated or damaged; copy it again") from error
    if len(content) < whole:
        raise refuse("is truncated or damaged; copy it again")
    try:
        return image_type.from_bytes(content)
    except Exception as error:  # nibabel raises many kinds for an invalid header
        raise refuse("is not a NIfTI file; convert it to .nii.gz") from error


def read_header(path: Path, refuse: Refuse) -> nib.Nifti1Header:
    """Read the header alone, at a twentieth of the time; StrokeclockError as of `read_nifti`."""
    with open(path, "rb") as file:
        start = file.read(4 * _HEAD)
    head = _unpack_head(start) if start[:2] == _GZIP else start[:_HEAD]
    image_type, _ = _read_header(head, is_empty=not start, refuse=refuse)
    return image_type.header_class.from_fileobj(io.BytesIO(head), check=False)


def read_values(image: nib.Nifti1Image, refuse: Refuse) -> np.ndarray:
    """Return the numbers that an image means, float32: stored value times slope plus intercept.

    A slope of 0, or one that is not a number, means 1, as NIfTI says.

    Raises
    ------
    StrokeclockError
        Made by ``refuse``: the intercept is so large that values coincide in float32.
    """
    try:
        with np.errstate(over="ignore"):
            stored = np.asanyarray(image.dataobj)
            values = np.array(stored, dtype=np.float32)
    except (OSError, ValueError, TypeError) as error:
        raise refuse("is truncated or damaged; copy it again") from error
    if stored.dtype.kind == "f" and stored.dtype.itemsize > 4 and _is_flattened(stored, values):
        raise refuse(
            f"has values that differ too little for their size (about {values.flat[0]:.3g}); export it again "
            "without an offset"
        )
    return values


def _is_flattened(stored: np.ndarray, values: np.ndarray) -> bool:
    """Whether float32 merges most of the values that differ, in a sample of voxels."""
    step = max(1, stored.size // 20_000)
    before, after = (np.unique(data.ravel()[::step]).size for data in (stored, values))
    return after < before / 2


def _unpack_head(start: bytes) -> bytes:
    try:
        return isal_zlib.decompressobj(31).decompress(start, _HEAD)
    except _DAMAGED:
        return b""


def _read_header(head: bytes, *, is_empty: bool, refuse: Refuse) -> tuple[type[nib.Nifti1Image], int]:
    """Return the kind of NIfTI and how many bytes the unpacked file must have; refuse everything else."""
    if is_empty:
        raise refuse("is empty; copy it again")
    if not head:
        raise refuse("is truncated or damaged; copy it again")
    image_type = nib.Nifti2Image if head[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nib.Nifti1Image
    marks = (b"n+2",) if image_type is nib.Nifti2Image else (b"n+1",)
    place = 4 if image_type is nib.Nifti2Image else 344
    if head[place : place + 3] not in marks:
        raise refuse(explain_not_nifti(head))
    header_type = image_type.header_class
    try:
        header = header_type.from_fileobj(io.BytesIO(head), check=False)
        dims = [int(n) for n in header["dim"]]
        code, bits = int(header["datatype"]), int(header["bitpix"])
        offset = float(header["vox_offset"])
    except Exception as error:  # nibabel raises many kinds for an invalid header
        raise refuse("is truncated or damaged; copy it again") from error
    require_numbers(code, refuse)
    _require_scale(float(header["scl_slope"]), float(header["scl_inter"]), refuse)
    shape = dims[1 : dims[0] + 1] if 1 <= dims[0] <= 7 else []
    if not shape or min(shape) < 1:
        raise refuse(
            f"has impossible dimensions in its header ({'×'.join(map(str, dims[1:5]))}); copy it again"
        )
    if math.prod(shape[3:]) > 1 or len(shape) < 3:
        raise refuse(
            f"has shape {tuple(shape)}; give one three-dimensional volume, or split a diffusion series with "
            "`strokeclock import`"
        )
    voxels = math.prod(shape)
    if voxels > MOST_VOXELS:
        raise refuse(f"claims {'×'.join(map(str, shape))} voxels, more than any scan has; export it again")
    if not math.isfinite(offset) or not 0 <= offset < SPARE * 256:
        raise refuse("has its voxels at an impossible place (vox_offset); export it again")
    return image_type, int(max(offset, header.single_vox_offset)) + voxels * _bytes_of(code, bits)


def _bytes_of(code: int, bits: int) -> int:
    """Of a voxel: the datatype says it; bitpix repeats it and may be wrong."""
    return dtype_of(code).itemsize or max(bits // 8, 1)


def dtype_of(code: int) -> np.dtype:
    """The numpy type of a NIfTI datatype that nibabel knows."""
    codes: Any = nib.nifti1.data_type_codes
    return codes.dtype[code]


def require_numbers(code: int, refuse: Refuse) -> None:
    """Refuse what is not one plain number a voxel."""
    codes: Any = nib.nifti1.data_type_codes
    name = codes.niistring[code] if code in codes else ""
    if "RGB" in name:
        raise refuse("holds colours (RGB), as colour maps and screenshots do; give the series of grey values")
    if "COMPLEX" in name:
        raise refuse("holds complex numbers; export the magnitude")
    if not name or dtype_of(code).kind not in "iuf" or not dtype_of(code).itemsize:
        raise refuse(f"holds voxels of a kind that is not supported (datatype {code}); export it as int16")


def _require_scale(slope: float, intercept: float, refuse: Refuse) -> None:
    if not slope or not math.isfinite(slope):
        return  # means 1
    if slope < 0:
        raise refuse(f"has a negative scale factor (scl_slope {slope:g}): bright is dark; export it again")
    if not math.isfinite(intercept):
        raise refuse("has an offset that is not a number (scl_inter); export it again")


def _compare_sizes(size: int, whole: int, *, is_packed: bool, refuse: Refuse) -> None:
    """Refuse a file whose size cannot be that of its voxels; ``size`` on disk, ``whole`` unpacked, bytes."""
    most = size * DEFLATE if is_packed else size
    if most < whole:
        raise refuse("holds less than its header says (truncated or damaged); copy it again")
    # gzip adds 5 bytes a block of 64 KiB to what it cannot compress
    if size > whole + whole // 1000 + 2 * SPARE:
        raise refuse("holds more than its header says; export it again")


def _unpack(content: bytes, most: int, refuse: Refuse) -> bytes:
    """Unpack gzip, of several members too, to at most ``most`` bytes."""
    parts = []
    while content:
        unpacker = isal_zlib.decompressobj(31)
        parts.append(unpacker.decompress(content, most + 1))
        most -= len(parts[-1])
        if most < 0:
            raise refuse("holds more than its header says; export it again")
        if not unpacker.eof:
            raise EOFError
        content = unpacker.unused_data.lstrip(b"\0")
    return b"".join(parts)
