"""The voxels of an image file: read as far as the header is borne out by the file, never further.

A header is no measure of the memory to take: a few bytes can claim terabytes, and a small packed file can
hold them.
"""

import bz2
import io
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from strokeclock.imaging.file_format import START
from strokeclock.imaging.nifti_file import DEFLATE, MOST_VOXELS, PATH_ERRORS, Refuse

MOST_VOLUMES = 2000
MOST_BYTES = 2**31  # of all volumes

Packing = Literal["", "gzip", "zlib", "bzip2"]

_CHUNK = 2**18  # bytes


@dataclass(frozen=True, kw_only=True)
class Payload:
    """Where an image's voxels are and how they are stored.

    Attributes
    ----------
    path : the file.
    start : byte of the file at which they, or what is packed, begin.
    packing : how they are packed; "" not at all.
    skip : unpacked bytes before the voxels.
    shape : of the array, the axis that varies fastest first.
    dtype : of a voxel, with its byte order.
    spare : bytes that may follow.
    """

    path: Path
    start: int
    packing: Packing
    skip: int = 0
    shape: tuple[int, ...]
    dtype: np.dtype
    spare: int = 0

    @property
    def size(self) -> int:
        """Bytes of the voxels."""
        return math.prod(self.shape) * self.dtype.itemsize


def check_shape(shape: tuple[int, ...], *, several: bool, refuse: Refuse) -> tuple[int, ...]:
    """Return (X, Y, Z), or (X, Y, Z, volumes) where that may be; axes of one voxel behind them are dropped.

    Raises
    ------
    PatientError
        The image has another number of axes, no voxels or more than any scan.
    """
    written = "×".join(map(str, shape))
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 3 or len(shape) > 4:
        raise refuse(f"has {len(shape)} axes ({written}); give three-dimensional volumes")
    if min(shape) < 1:
        raise refuse(f"has impossible dimensions in its header ({written}); copy it again")
    if math.prod(shape[:3]) > MOST_VOXELS or math.prod(shape[3:]) > MOST_VOLUMES:
        raise refuse(f"claims {written} voxels, more than any scan has; export it again")
    if len(shape) == 4 and not several:
        raise refuse(f"holds {shape[3]} volumes; give one three-dimensional volume")
    return shape


def read_payload(payload: Payload, refuse: Refuse) -> np.ndarray:
    """Return the voxels as an array of ``payload.shape``, in the byte order of this computer.

    Raises
    ------
    PatientError
        The file holds less or more than its header says, or is damaged.
    """
    wanted = payload.skip + payload.size
    if payload.size > MOST_BYTES:
        raise refuse(f"claims {payload.size / 1e9:.0f} GB, more than any scan has; export it again")
    content = bytearray()
    with refusing_paths(refuse), open(payload.path, "rb") as file:
        size = file.seek(0, io.SEEK_END) - payload.start
        if size * _most_growth(payload.packing) < wanted:
            raise refuse("holds less than its header says (truncated or damaged); copy it again")
        if not payload.packing and size > wanted + payload.spare:
            raise refuse("holds more than its header says; export it again")
        file.seek(payload.start)
        try:
            for part in unpack(file, payload.packing):
                content += part
                if len(content) > wanted + payload.spare:
                    raise refuse("holds more than its header says; export it again")
        except (EOFError, zlib.error) as error:
            raise refuse("is truncated or damaged; copy it again") from error
    if len(content) < wanted:
        raise refuse("holds less than its header says (truncated or damaged); copy it again")
    voxels = np.frombuffer(content, payload.dtype, count=math.prod(payload.shape), offset=payload.skip)
    return voxels.reshape(payload.shape, order="F").astype(payload.dtype.newbyteorder("="), copy=False)


def _most_growth(packing: Packing) -> float:
    """Return how many bytes one packed byte can become; bzip2's is beyond every bound that would help."""
    return {"": 1, "gzip": DEFLATE, "zlib": DEFLATE, "bzip2": math.inf}[packing]


def unpack(file: BinaryIO, packing: Packing) -> Iterator[bytes]:
    """Yield the rest of a file, unpacked, in parts of at most 256 KiB.

    gzip files of several members are read to their end; zeros may follow.

    Raises
    ------
    EOFError, zlib.error
        The packed content is truncated or damaged.
    """
    if packing in ("gzip", "zlib"):
        yield from _inflate(file, 31 if packing == "gzip" else 15)
    elif packing == "bzip2":
        try:
            yield from _read_parts(bz2.BZ2File(file))
        except OSError as error:
            if error.errno:
                raise
            raise EOFError from error  # what bz2 says of damage
    else:
        yield from _read_parts(file)


def _read_parts(file: BinaryIO | bz2.BZ2File) -> Iterator[bytes]:
    while part := file.read(_CHUNK):
        yield part


def _inflate(file: BinaryIO, window: int) -> Iterator[bytes]:
    packed = file.read(_CHUNK)
    while packed:
        unpacker = zlib.decompressobj(window)
        while not unpacker.eof:
            part = unpacker.decompress(packed, _CHUNK)
            packed = unpacker.unconsumed_tail
            if part:
                yield part
            elif not packed and not unpacker.eof:
                packed = file.read(_CHUNK)
                if not packed:
                    raise EOFError
        packed = unpacker.unused_data.lstrip(b"\0")
        while not packed and (more := file.read(_CHUNK)):
            packed = more.lstrip(b"\0")


def read_start(path: Path, refuse: Refuse, count: int = START) -> bytes:
    """Return the first bytes of a file, by default as many as `file_format.recognise` needs."""
    with refusing_paths(refuse), open(path, "rb") as file:
        return file.read(count)


def read_ends(path: Path, refuse: Refuse) -> tuple[bytes, bytes]:
    """Return the first bytes of a file, as `read_start` does, and its last four."""
    with refusing_paths(refuse), open(path, "rb", buffering=0) as file:
        start = file.read(START)
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4))
        return start, file.read(4)


@contextmanager
def refusing_paths(refuse: Refuse) -> Iterator[None]:
    """Refuse a file whose path is wrong; errors of the computer, such as a failing disk, pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in PATH_ERRORS:
            raise
        raise refuse(f"cannot be read ({error.strerror}); check its path and permissions") from error


def find_beside(header: Path, name: str, refuse: Refuse) -> Path:
    """Return the path of the data file that a header names, in the header's folder or below it.

    Raises
    ------
    PatientError
        The name leads elsewhere, or there is no such file.
    """
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or parts[0] == "" or ".." in parts or ":" in parts[0]:
        raise refuse("names a data file outside its own folder; put both into one and correct the header")
    path = header.parent.joinpath(*parts)
    if not os.path.isfile(path):  # Path.is_file raises for a name of 300 characters
        raise refuse("names a data file that is not beside it; copy both")
    return path
