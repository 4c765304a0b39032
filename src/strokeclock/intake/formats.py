"""Images of any format that people have: NIfTI, MetaImage, NRRD and FreeSurfer's, in world coordinates."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from strokeclock.errors import PatientError
from strokeclock.imaging.file_format import GZIP_MAGIC, FileFormat, explain_not_nifti, recognise
from strokeclock.imaging.nifti_file import SPARE, dtype_of, require_numbers
from strokeclock.imaging.volume import Volume, check_world, read_world, write_volume
from strokeclock.intake.header_text import MOST_HEADER
from strokeclock.intake.metaimage import read_metaimage
from strokeclock.intake.nrrd import read_nrrd
from strokeclock.intake.payload import (
    Payload,
    Refuse,
    check_shape,
    read_payload,
    read_start,
    unpack,
)

_NIFTI1, _NIFTI2, _FREESURFER = 348, 540, 284  # bytes of the headers
_GOOD_RAS = slice(28, 30)  # bytes of FreeSurfer's header that say whether it has a direction
_FREESURFER_TYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


@dataclass(frozen=True, eq=False)
class Image:
    """An image as stored, its axes not reordered.

    Attributes
    ----------
    data : (X, Y, Z) or (X, Y, Z, volumes)
        The stored type where the file has no scale factor, else float32.
    affine : float64 (4, 4)
        Voxel index to world RAS+ mm.
    """

    data: np.ndarray
    affine: np.ndarray


def read_image(path: str | Path, *, patient: str, series: str, several: bool = False) -> Image:
    """Read an image completely, whatever its format: .nii, .nii.gz, .mha, .mhd, .nrrd, .nhdr, .mgz, .mgh.

    The format is told by the content. Pairs of NIfTI-1 files (.hdr, .img) are read by either name. A header
    that names a data file may name one in its own folder only.

    Parameters
    ----------
    several : whether it may hold several volumes.

    Raises
    ------
    PatientError
        The file is of none of these formats, is damaged or truncated, holds less than its header says, has
        no direction or a contradictory one, holds colours, vectors or complex numbers, or several volumes.
    """
    path = Path(path)

    def refuse(what: str) -> PatientError:
        return PatientError(patient, f"{series} file {path.name} {what}")

    image = _read(path, several=several, refuse=refuse)
    affine = check_world(image.affine, image.data.shape, refuse, f"{patient} {series}")
    return Image(image.data, affine)


def write_image(path: str | Path, image: Image) -> None:
    """Write an image of one volume as NIfTI, in its own type; see `write_volume`."""
    write_volume(path, Volume(image.data, image.affine), dtype=image.data.dtype.type)


def _read(path: Path, *, several: bool, refuse: Refuse) -> Image:
    header_file = find_header(path)
    start = read_start(header_file, refuse)
    kind = recognise(start)
    if kind in (FileFormat.METAIMAGE, FileFormat.NRRD) and start[:2] == GZIP_MAGIC:
        raise refuse("is packed as a whole; unpack it")
    match kind:
        case FileFormat.NIFTI | FileFormat.NIFTI_PAIR:
            return _read_nifti(header_file, start, several=several, refuse=refuse)
        case FileFormat.METAIMAGE:
            payload, affine = read_metaimage(
                path, read_start(path, refuse, MOST_HEADER), several=several, refuse=refuse
            )
            return Image(_squeeze(read_payload(payload, refuse)), affine)
        case FileFormat.NRRD:
            payload, counted, affine = read_nrrd(
                path, read_start(path, refuse, MOST_HEADER), several=several, refuse=refuse
            )
            data = read_payload(payload, refuse)
            return Image(_squeeze(np.moveaxis(data, counted, -1) if counted < data.ndim else data), affine)
        case FileFormat.FREESURFER:
            return _read_freesurfer(path, start, several=several, refuse=refuse)
        case _:
            raise refuse(explain_not_nifti(start))


def find_header(path: Path) -> Path:
    """Return the .hdr file of a pair's .img file; any other file is its own header."""
    for ending, header_ending in ((".img", ".hdr"), (".img.gz", ".hdr.gz"), (".IMG", ".HDR")):
        if path.name.endswith(ending):
            header = path.with_name(path.name.removesuffix(ending) + header_ending)
            return header if header.is_file() else path
    return path


def _squeeze(data: np.ndarray) -> np.ndarray:
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    return data


def _unpack_start(start: bytes, count: int) -> tuple[bytes, bool]:
    """Return the first bytes of an unpacked file by its own (`read_start`), and whether gzip packed it."""
    is_packed = start[:2] == GZIP_MAGIC
    if is_packed:
        start = next(unpack(io.BytesIO(start), "gzip"), b"")
    return start[:count], is_packed


def read_nifti_header(start: bytes, refuse: Refuse) -> tuple[nib.Nifti1Header, bool]:
    """Return the header of a NIfTI file (or of a pair), unchecked, and whether gzip packed it.

    ``start`` is what `read_start` returns.
    """
    start, is_packed = _unpack_start(start, _NIFTI2)
    header_type = nib.Nifti2Header if start[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nib.Nifti1Header
    try:
        return header_type.from_fileobj(io.BytesIO(start), check=False), is_packed
    except Exception as error:  # nibabel raises many kinds for an invalid header
        raise refuse("is truncated or damaged; copy it again") from error


def locate_nifti(path: Path, header: Any, *, is_packed: bool, several: bool, refuse: Refuse) -> Payload:
    """Return where the voxels of a NIfTI file are, as its header says."""
    axes = int(header["dim"][0])
    shape = tuple(int(size) for size in header["dim"][1 : axes + 1]) if 1 <= axes <= 7 else ()
    check_shape(shape, several=several, refuse=refuse)
    offset = float(header["vox_offset"])
    data = path
    if bytes(header["magic"])[:2] == b"ni":
        data, least = _find_data(path, refuse), 0
    else:
        least = (_NIFTI2 if isinstance(header, nib.Nifti2Header) else _NIFTI1) + 4
    if not 0 <= offset <= 2**24:
        raise refuse("has its voxels at an impossible place (vox_offset); export it again")
    begin = max(int(offset), least)
    return Payload(
        path=data,
        start=0 if is_packed else begin,
        packing="gzip" if is_packed else "",
        skip=begin if is_packed else 0,
        shape=shape,
        dtype=_read_type(header, refuse),
        spare=SPARE,
    )


def _find_data(header_file: Path, refuse: Refuse) -> Path:
    """Return the .img file of a pair's header."""
    for ending, data_ending in ((".hdr", ".img"), (".hdr.gz", ".img.gz"), (".HDR", ".IMG")):
        if header_file.name.endswith(ending):
            data = header_file.with_name(header_file.name.removesuffix(ending) + data_ending)
            if data.is_file():
                return data
    raise refuse("is the header of a pair of files, and its .img file is not beside it; copy both")


def _read_type(header: Any, refuse: Refuse) -> np.dtype:
    code = int(header["datatype"])
    require_numbers(code, refuse)
    dtype = dtype_of(code)
    if dtype.itemsize > 8:  # its size differs between processors
        raise refuse(f"holds voxels of a kind that is not supported (datatype {code}); export it as int16")
    return dtype.newbyteorder(header.endianness)


def _read_nifti(path: Path, start: bytes, *, several: bool, refuse: Refuse) -> Image:
    header, is_packed = read_nifti_header(start, refuse)
    affine = read_world(header, refuse)
    payload = locate_nifti(path, header, is_packed=is_packed, several=several, refuse=refuse)
    data = _squeeze(read_payload(payload, refuse))
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0 or (slope, intercept) == (1, 0):
        return Image(data, affine)
    if slope < 0 or not math.isfinite(intercept):
        raise refuse("has a negative scale factor or an offset that is no number; export it again")
    return Image(_scale(data, slope, intercept), affine)


def _scale(data: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Return slope · data + intercept as float32, one slice after the other to spare memory."""
    scaled = np.empty(data.shape, np.float32, order="F")
    with np.errstate(over="ignore"):
        for number in range(data.shape[-1]):
            scaled[..., number] = data[..., number].astype(np.float64) * slope + intercept
    return scaled


def _read_freesurfer(path: Path, start: bytes, *, several: bool, refuse: Refuse) -> Image:
    start, is_packed = _unpack_start(start, _FREESURFER)
    try:
        header = nib.freesurfer.mghformat.MGHHeader(start, check=False)
    except Exception as error:  # nibabel raises many kinds for an invalid header
        raise refuse("is truncated or damaged; copy it again") from error
    shape = tuple(int(size) for size in header["dims"])
    check_shape(shape, several=several, refuse=refuse)
    if start[_GOOD_RAS] != b"\0\x01":  # nibabel sets a direction where there is none
        raise refuse("has no direction (goodRASFlag is 0), so left and right are unknown; export it again")
    if int(header["type"]) not in _FREESURFER_TYPES:
        raise refuse("holds voxels of a kind that is not supported; export it as NIfTI")
    payload = Payload(
        path=path,
        start=0 if is_packed else _FREESURFER,
        packing="gzip" if is_packed else "",
        skip=_FREESURFER if is_packed else 0,
        shape=shape,
        dtype=np.dtype(_FREESURFER_TYPES[int(header["type"])]),
        spare=2**24,  # scan parameters and history follow
    )
    return Image(_squeeze(read_payload(payload, refuse)), np.array(header.get_affine(), dtype=np.float64))
