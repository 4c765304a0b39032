"""Convert volumes of DICOM with dcm2niix, and check all that comes out against the headers and pydicom.

dcm2niix (Li et al., J Neurosci Methods 2016) reads the compressed forms that pydicom cannot. It is given one
volume at a time, under numbers for names, without the elements that scale values: so it cannot sort slices of
different volumes together, and what it writes are the stored values, which are compared bit by bit.
"""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian

from strokeclock.errors import MissingSoftwareError
from strokeclock.intake.dicom_files import copy_files
from strokeclock.intake.dicom_header import Frame, Header, quiet
from strokeclock.intake.dicom_stacks import Stack

# -g i: no defaults of the user's; -i n: derived images too (else traces and ADC maps are lost); -m n: nothing
# is merged; -p n and -l o: values as stored; -x i: neither cropped nor rotated.
_OPTIONS = (
    *("-g", "i", "-i", "n", "-b", "n", "-ba", "y", "-c", "", "-z", "n", "-d", "0", "-w", "2", "-m", "n"),
    *("-p", "n", "-l", "o", "-x", "i", "-f", "out"),
)
_WARNED = re.compile(r"Missing images|Interslice distance varies")
_SECONDS, _SECONDS_A_FILE = 120, 0.5
_SAME_MM = 0.02  # at the corners; dcm2niix computes in single precision
_SCALE_SEQUENCES = ("RealWorldValueMappingSequence", "PixelValueTransformationSequence")


@dataclass(frozen=True, eq=False)
class Converted:
    """A volume.

    Attributes
    ----------
    data : (columns, rows, slices)
    affine : (4, 4), index to world RAS+ mm, of the headers.
    is_compared : pydicom read the same values; False where it cannot read the compressed pixels.
    """

    data: NDArray
    affine: NDArray
    is_compared: bool


def find_program() -> str:
    """Return the path of dcm2niix. Raises MissingSoftwareError where it is not installed."""
    try:
        import dcm2niix
    except ImportError as error:
        raise MissingSoftwareError(
            "dcm2niix, which converts DICOM, is not installed: pip install dcm2niix"
        ) from error
    if not Path(dcm2niix.bin).is_file():
        raise MissingSoftwareError(
            "the program of package dcm2niix, which converts DICOM, is missing: pip install "
            "--force-reinstall dcm2niix"
        )
    return str(dcm2niix.bin)


def convert_stacks(stacks: Sequence[Stack], *, as_adc: bool) -> list[Converted]:
    """Convert volumes, each on its own.

    Parameters
    ----------
    as_adc : values in 1e-6 mm2/s where the header says how, else as displayed. Otherwise values that can be
        compared between series: of Philips those of its scale slope, else as displayed.

    Raises
    ------
    ValueError
        A file cannot be read, or the conversion is not what the headers say; a sentence without its subject.
    MissingSoftwareError
        dcm2niix is not installed.
    """
    program = find_program()
    with quiet(), TemporaryDirectory(prefix="strokeclock-") as folder:
        copies = _copy(stacks, Path(folder))
        return [
            _convert(stack, copies, Path(folder, f"volume-{number}"), program, as_adc=as_adc)
            for number, stack in enumerate(stacks)
        ]


def _copy(stacks: Sequence[Stack], folder: Path) -> Mapping[Header, Path]:
    headers = list(dict.fromkeys(one.header for stack in stacks for one in stack.slices))
    originals = folder / "originals"
    originals.mkdir()
    try:
        return dict(zip(headers, copy_files([one.place for one in headers], originals), strict=True))
    except OSError as error:
        raise ValueError("can no longer be read: import again from an unchanged source") from error


def _convert(
    stack: Stack, copies: Mapping[Header, Path], folder: Path, program: str, *, as_adc: bool
) -> Converted:
    given, written = folder / "in", folder / "out"
    given.mkdir(parents=True)
    written.mkdir()
    stored = _write_plain(stack, copies, given)
    _run(program, given, written, files=len(stack.slices))
    data = _match(stack, stored, _load(written))
    return Converted(_scale(stack, data, as_adc=as_adc), stack.affine, stored is not None)


def _write_plain(stack: Stack, copies: Mapping[Header, Path], folder: Path) -> NDArray | None:
    """Write the files of one volume without scales, and return its stored values as pydicom reads them.

    Returns
    -------
    array (columns, rows, slices); None where pydicom cannot read the compressed pixels.
    """
    headers = list(dict.fromkeys(one.header for one in stack.slices))
    pixels: dict[Header, NDArray | None] = {}
    for number, header in enumerate(headers):
        frames = [one.frame for one in stack.slices if one.header is header]
        path = folder / f"{number:06d}.dcm"
        try:
            image = pydicom.dcmread(copies[header], force=True)
            pixels[header] = _read_pixels(image, frames)
            if "PerFrameFunctionalGroupsSequence" in image:
                _keep_frames(image, frames)
            was_deflated = _is_deflated(image)
            if was_deflated or any(frame.is_scaled or frame.philips_slope for frame in frames):
                _remove_scales(image)
                image.save_as(path, enforce_file_format=True)
            else:
                path.hardlink_to(copies[header])
        except Exception as error:  # of damaged files: many kinds
            raise ValueError("has a damaged file: send it again from the archive") from error
    if any(values is None for values in pixels.values()):
        return None
    taken = {header: iter(cast(NDArray, values)) for header, values in pixels.items()}
    return np.stack([next(taken[one.header]).T for one in stack.slices], axis=-1)


def _read_pixels(image: Dataset, frames: Sequence[Frame]) -> NDArray | None:
    """Return the slices (frames, rows, columns) in the order given; None where pydicom has no decoder."""
    if "TransferSyntaxUID" not in getattr(image, "file_meta", Dataset()):
        image.ensure_file_meta()
        image.file_meta.TransferSyntaxUID = _guess_syntax(image)
    try:
        values = image.pixel_array
    except (RuntimeError, NotImplementedError):
        if not image.file_meta.TransferSyntaxUID.is_compressed:
            raise
        return None
    if values.ndim == 2:
        values = values[None]
    return np.stack([_cut(values[frame.index], frame) for frame in frames])


def _guess_syntax(image: Dataset) -> UID:
    is_implicit, is_little = image.original_encoding
    if not is_little:
        raise ValueError("big-endian without a header")
    return UID("1.2.840.10008.1.2") if is_implicit else ExplicitVRLittleEndian


def _cut(values: NDArray, frame: Frame) -> NDArray:
    """Cut one slice out of a mosaic."""
    if frame.tile is None:
        return values
    row, column = divmod(frame.tile, values.shape[1] // frame.columns)
    return values[
        row * frame.rows : (row + 1) * frame.rows, column * frame.columns : (column + 1) * frame.columns
    ]


def _is_deflated(image: Dataset) -> bool:
    if not image.file_meta.TransferSyntaxUID.is_deflated:
        return False
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian  # dcm2niix does not inflate
    return True


def _keep_frames(image: Dataset, frames: Sequence[Frame]) -> None:
    """Keep one volume of a multi-frame image, in the order given, and say plainly that it is one."""
    total = int(image.NumberOfFrames)
    if image.file_meta.TransferSyntaxUID.is_compressed:
        every = list(generate_frames(image.PixelData, number_of_frames=total))
        image.PixelData = encapsulate([every[frame.index] for frame in frames])
        for name in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            if name in image:
                delattr(image, name)
    else:
        size = int(image.Rows) * int(image.Columns) * int(image.BitsAllocated) // 8
        image.PixelData = b"".join(
            image.PixelData[frame.index * size : (frame.index + 1) * size] for frame in frames
        )
    groups = [image.PerFrameFunctionalGroupsSequence[frame.index] for frame in frames]
    for place, group in enumerate(groups, start=1):
        content = Dataset()
        content.StackID, content.InStackPositionNumber = "1", place
        content.DimensionIndexValues = [1, place]
        group.FrameContentSequence = [content]
    image.PerFrameFunctionalGroupsSequence = groups
    image.NumberOfFrames = len(frames)
    image.DimensionIndexSequence = [_point("StackID"), _point("InStackPositionNumber")]


def _point(name: str) -> Dataset:
    item = Dataset()
    item.DimensionIndexPointer = pydicom.tag.Tag(name)
    item.FunctionalGroupPointer = pydicom.tag.Tag("FrameContentSequence")
    return item


def _remove_scales(image: Dataset) -> None:
    """Take out what makes other values of the stored ones; Philips' own groups hold scales too."""
    groups = [
        *(image.get("SharedFunctionalGroupsSequence") or ()),
        *(image.get("PerFrameFunctionalGroupsSequence") or ()),
    ]
    for item in (image, *groups):
        for name in (*_SCALE_SEQUENCES, "RescaleSlope", "RescaleIntercept", "RescaleType"):
            if name in item:
                delattr(item, name)
        for tag in [tag for tag in item.keys() if tag.group == 0x2005]:  # noqa: SIM118
            del item[tag]


def _run(program: str, given: Path, written: Path, *, files: int) -> None:
    """Run dcm2niix; what it prints names files and is never repeated."""
    try:
        done = subprocess.run(
            [program, *_OPTIONS, "-o", str(written), str(given)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS + _SECONDS_A_FILE * files,
            check=False,
            cwd=given,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError("took too long to convert: check the files") from error
    except OSError as error:
        raise MissingSoftwareError(
            f"dcm2niix, which converts DICOM, cannot be run ({error.strerror}): pip install "
            "--force-reinstall dcm2niix"
        ) from error
    if _WARNED.search(done.stdout + done.stderr):
        raise ValueError("lacks slices, or they lie at unequal distances: send it again from the archive")
    if done.returncode != 0:
        raise ValueError(
            f"cannot be converted (dcm2niix ends with code {done.returncode}): send it again, uncompressed"
        )


def _load(folder: Path) -> list[tuple[NDArray, NDArray]]:
    """Return data (X, Y, Z) as stored and affine of each volume that was written."""
    volumes = []
    for path in sorted(folder.glob("*.nii")):
        try:
            image = cast(Any, nib.load(path))
            data = np.asanyarray(image.dataobj.get_unscaled())
        except Exception as error:  # of a damaged file: many kinds
            raise ValueError("is converted to a damaged file: send it again from the archive") from error
        scale = image.dataobj.slope, image.dataobj.inter
        if data.dtype.kind not in "iu" or scale != (1.0, 0.0) or data.ndim not in (3, 4):
            raise ValueError(
                "is converted to something else than plain values: send it again from the archive"
            )
        if data.ndim == 3:
            data = data[..., None]
        volumes += [(data[..., number], image.affine) for number in range(data.shape[3])]
    return volumes


def _match(stack: Stack, stored: NDArray | None, volumes: Sequence[tuple[NDArray, NDArray]]) -> NDArray:
    """Return the volume that was written, in the order columns, rows, slices of the headers."""
    if len(volumes) != 1:
        raise ValueError(
            f"is converted to {len(volumes)} volumes instead of one: send it again from the archive"
        )
    data, affine = volumes[0]
    motion = np.linalg.inv(stack.affine) @ affine
    aligned = nib.orientations.apply_orientation(data, nib.orientations.io_orientation(motion))
    if aligned.shape != stack.shape:
        raise ValueError(
            f"is converted to {'×'.join(map(str, aligned.shape))} voxels instead of "
            f"{'×'.join(map(str, stack.shape))}: send it again from the archive"
        )
    inverse = nib.orientations.inv_ornt_aff(nib.orientations.io_orientation(motion), data.shape)
    corners = np.array(np.meshgrid(*[(0, side - 1) for side in stack.shape], [1.0])).reshape(4, -1)
    off = np.linalg.norm(((affine @ inverse - stack.affine) @ corners)[:3], axis=0).max()
    if not off < _SAME_MM:
        raise ValueError(
            f"is converted to a place {off:.2f} mm from where its header puts it: give it as NIfTI instead"
        )
    if stored is not None and not np.array_equal(aligned, stored):
        raise ValueError("is converted to other values than it holds: send it again from the archive")
    return aligned


def _scale(stack: Stack, data: NDArray, *, as_adc: bool) -> NDArray:
    """Return the values that the headers give to those stored, float32 unless they are the same."""
    scales = np.array([find_scale(one.frame, as_adc=as_adc) for one in stack.slices])
    if (scales == (1.0, 0.0)).all():
        return data
    return (data * scales[:, 0] + scales[:, 1]).astype(np.float32)


def find_scale(frame: Frame, *, as_adc: bool) -> tuple[float, float]:
    """Return slope and intercept from stored values to those of `convert_stacks`.

    Philips (Chenevert et al., Transl Oncol 2014): comparable = (stored · slope + intercept) / (slope · scale
    slope), where slope and intercept give what is displayed.
    """
    slope, intercept = frame.scale
    if as_adc:
        return frame.adc_scale or frame.scale
    if frame.philips_slope:
        return 1 / frame.philips_slope, intercept / (slope * frame.philips_slope)
    return frame.scale
