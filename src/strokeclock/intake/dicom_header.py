"""What one DICOM file says of its images: whose they are, how they were scanned, where each slice lies."""

import logging
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ImplicitVRLittleEndian,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from strokeclock.cohort.sidecars import name_vendor
from strokeclock.intake.dicom_files import Opened, Place
from strokeclock.intake.dicom_private import (
    Weighting,
    read_mosaic,
    read_numbers,
    read_philips_frame,
    read_philips_scale,
    read_weighting,
    read_words,
)

_MOST_SIDE, _MOST_FRAMES, _MOST_BYTES = 2048, 20_000, 1 << 30
_START = 2048  # bytes, within which a file names its transfer syntax
_MOST_INFLATED = 256 << 20
_UNITS = {  # of RealWorldValueMapping -> 1e-6 mm2/s
    "mm2/s": 1e6,
    "10-3.mm2/s": 1e3,
    "10*-3.mm2/s": 1e3,
    "10-6.mm2/s": 1.0,
    "10*-6.mm2/s": 1.0,
    "um2/s": 1.0,
    "um2/ms": 1e3,
}
_MR_IMAGES = {MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage}
_UNNAMED = Dataset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One slice.

    Attributes
    ----------
    index, tile : number of the frame in its file, and of the slice in a mosaic, from 0.
    position : centre of the first pixel, LPS+ mm.
    orientation : directions of increasing column and of increasing row, LPS.
    spacing : mm between rows and between columns.
    rows, columns : of the slice.
    weighting : how it is diffusion-weighted.
    image_type : in capitals.
    echo_ms, inversion_ms : None where not given.
    order : acquisition, time and instance number, to tell apart images of one place.
    scale : (slope, intercept) that turn stored values into those that are displayed.
    philips_slope : displayed values over (slope · this) are comparable between series; None: not given.
    adc_scale : (slope, intercept) that turn stored values into 1e-6 mm2/s; None: not given.
    is_scaled : the header has any element that makes other values of those that are stored.
    """

    index: int
    tile: int | None = None
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, float]
    rows: int
    columns: int
    weighting: Weighting
    image_type: tuple[str, ...]
    echo_ms: float | None
    inversion_ms: float | None
    order: tuple[float, ...]
    scale: tuple[float, float]
    philips_slope: float | None
    adc_scale: tuple[float, float] | None
    is_scaled: bool

    @property
    def normal(self) -> NDArray:
        """Direction across the slice, LPS."""
        return np.cross(self.orientation[:3], self.orientation[3:])

    @property
    def depth(self) -> float:
        """Position along the normal, mm."""
        return float(self.normal @ np.array(self.position))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """What the images of one file have in common. Text stays in memory: it may tell an identity.

    Attributes
    ----------
    place : of the file.
    uid, study, series : SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID.
    patient, name, birth : PatientID with its issuer, PatientName, PatientBirthDate.
    number : SeriesNumber.
    instance : InstanceNumber.
    acquired : ISO date and time of the acquisition; "" where not given.
    modality : MR, CT, …
    vendor : Siemens, Philips, GE …
    description : SeriesDescription, or ProtocolName where there is none.
    sequence : words of ScanningSequence, EchoPulseSequence and the like, in capitals.
    facts : of the sidecar, in BIDS units.
    has_contrast : a contrast agent is named.
    is_colour, is_annotated : more than one value a pixel; text is burnt into the pixels.
    frames : its slices.
    faults : why the file cannot be used: sentences without subject.
    """

    place: Place
    uid: str
    study: str
    series: str
    patient: str
    name: str
    birth: str
    number: int | None
    instance: int | None
    acquired: str
    modality: str
    vendor: str | None
    description: str
    sequence: tuple[str, ...]
    facts: Mapping[str, Any]
    has_contrast: bool
    is_colour: bool
    is_annotated: bool
    frames: tuple[Frame, ...]
    faults: tuple[str, ...] = ()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from checking values, and from warnings that repeat them: they may tell an identity."""
    logger, mode = logging.getLogger("pydicom"), config.settings.reading_validation_mode
    was_disabled = logger.disabled
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config.settings.reading_validation_mode = config.IGNORE
            logger.disabled = True
            yield
        finally:
            config.settings.reading_validation_mode = mode
            logger.disabled = was_disabled


def read_header(opened: Opened) -> Header | None:
    """Read all of a file but its pixels; None where it is no image: an index, a report, raw data.

    Raises
    ------
    ValueError
        It begins as DICOM does, but is damaged.
    """
    try:
        _refuse_bomb(opened.file)
        header = pydicom.dcmread(opened.file, stop_before_pixels=True, force=True)
        if "SOPClassUID" not in header or "SeriesInstanceUID" not in header or "Rows" not in header:
            if _claims_image(header):
                raise ValueError("the header ends before the size of the image")
            return None
        faults = tuple(_find_faults(header, opened.file, opened.size))
        return _describe(header, opened.place, faults)
    except Exception as error:  # of damaged headers: many kinds
        raise ValueError("is damaged: send it again from the archive") from error


def _claims_image(header: Dataset) -> bool:
    """Whether the file is an MR image by what stands at its start, whatever of it is there."""
    start = getattr(header, "file_meta", Dataset())
    return header.get("SOPClassUID", start.get("MediaStorageSOPClassUID")) in _MR_IMAGES


def _describe(header: Dataset, place: Place, faults: tuple[str, ...]) -> Header:
    vendor = name_vendor(header.get("Manufacturer"))
    patient = _text(header, "PatientID")
    issuer = _text(header, "IssuerOfPatientID")
    frames: tuple[Frame, ...] = ()
    try:
        frames = tuple(_read_frames(header, vendor)) if header.get("Modality") == "MR" and not faults else ()
    except (AttributeError, TypeError, ValueError, KeyError, IndexError):
        faults = (*faults, "does not say where its slices lie: send it again from the archive")
    return Header(
        place=place,
        uid=_text(header, "SOPInstanceUID"),
        study=_text(header, "StudyInstanceUID"),
        series=_text(header, "SeriesInstanceUID"),
        patient=f"{patient} ({issuer})" if patient and issuer else patient,
        name=_text(header, "PatientName"),
        birth=_text(header, "PatientBirthDate"),
        number=_whole(header.get("SeriesNumber")),
        instance=_whole(header.get("InstanceNumber")),
        acquired=_read_time(header),
        modality=_text(header, "Modality").upper(),
        vendor=vendor,
        description=_text(header, "SeriesDescription") or _text(header, "ProtocolName"),
        sequence=_read_sequence(header),
        facts=_read_facts(header, frames),
        has_contrast=_names_agent(header),
        is_colour=(_whole(header.get("SamplesPerPixel")) or 1) != 1
        or not _text(header, "PhotometricInterpretation").startswith("MONOCHROME"),
        is_annotated=_text(header, "BurnedInAnnotation").upper() == "YES",
        frames=frames,
        faults=faults,
    )


def _text(item: Dataset, name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value).strip(" \0")


def _whole(value: Any) -> int | None:
    numbers = read_numbers(value)
    return int(numbers[0]) if numbers else None


def _number(value: Any) -> float | None:
    numbers = read_numbers(value)
    return numbers[0] if numbers else None


def _find_faults(header: Dataset, file: BinaryIO, size: int) -> Iterator[str]:
    """Yield what is wrong with the claims of a file about its pixels, before any memory is taken."""
    rows, columns = _whole(header.get("Rows")) or 0, _whole(header.get("Columns")) or 0
    frames, bits = _whole(header.get("NumberOfFrames")) or 1, _whole(header.get("BitsAllocated")) or 0
    samples = _whole(header.get("SamplesPerPixel")) or 1
    claimed = rows * columns * frames * samples * bits // 8
    if not (0 < rows <= _MOST_SIDE and 0 < columns <= _MOST_SIDE and 0 < frames <= _MOST_FRAMES):
        yield f"claims {frames} images of {rows}×{columns} pixels: send it again from the archive"
        return
    if bits not in (8, 16, 32):
        yield f"has {bits} bits a pixel: send it again from the archive"
        return
    if claimed > _MOST_BYTES:
        yield f"claims {claimed / (1 << 30):.0f} GiB of pixels: send it again from the archive"
        return
    if _find_syntax(header).is_deflated:
        return
    left = size - file.tell() - (8 if header.is_implicit_VR else 12)  # of the element's own tag and length
    if left <= 0 or (left < claimed and not _is_compressed(header)):
        yield f"is truncated: of {claimed} bytes of pixels it holds {max(left, 0)}; copy it again"


def _find_syntax(header: Dataset) -> UID:
    """Return the transfer syntax; that which pydicom found where the file does not say it."""
    written = getattr(header, "file_meta", Dataset()).get("TransferSyntaxUID")
    return UID(str(written)) if written else ImplicitVRLittleEndian


def _is_compressed(header: Dataset) -> bool:
    syntax = _find_syntax(header)
    return not syntax.is_transfer_syntax or syntax.is_compressed


def _refuse_bomb(file: BinaryIO) -> None:
    """Raise ValueError for a deflated file that becomes huge: pydicom would inflate it whole."""
    if DeflatedExplicitVRLittleEndian.encode() in file.read(_START):
        file.seek(0)
        read_preamble(file, force=True)
        _read_file_meta_info(file)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        inflate.decompress(file.read(), _MOST_INFLATED)
        if inflate.unconsumed_tail:
            raise ValueError("becomes huge when it is inflated")
    file.seek(0)


def _names_agent(header: Dataset) -> bool:
    agent = _text(header, "ContrastBolusAgent").upper()
    has_sequence = bool(header.get("ContrastBolusAgentSequence"))
    return has_sequence or agent not in ("", "NO", "NONE", "N", "0", "NIL", "NEIN", "N/A", "OHNE", "NATIVE")


def _read_time(header: Dataset) -> str:
    """Return when the images were taken, else the series or the study, as YYYY-MM-DDTHH:MM:SS."""
    stamps = [_text(header, "AcquisitionDateTime")]
    for of in ("Acquisition", "Series", "Study", "Content"):
        if day := re.sub(r"\D", "", _text(header, f"{of}Date")):
            stamps.append(day + re.sub(r"[^\d.]", "", _text(header, f"{of}Time")))
    for stamp in stamps:
        digits = re.match(r"\d*", stamp)[0]  # type: ignore[index]
        for length, form in ((14, "%Y%m%d%H%M%S"), (12, "%Y%m%d%H%M"), (8, "%Y%m%d")):
            with suppress(ValueError):
                if len(digits) >= length:
                    return datetime.strptime(digits[:length], form).isoformat()
    return ""


def _read_sequence(header: Dataset) -> tuple[str, ...]:
    words = [
        *read_words(header.get("ScanningSequence")),
        *read_words(header.get("EchoPulseSequence")),
        *read_words(header.get("AcquisitionContrast")),
    ]
    if _text(header, "EchoPlanarPulseSequence").upper() == "YES":
        words.append("EP")
    if any(
        _text(item, "InversionRecovery").upper() == "YES" for item in _shared(header, "MRModifierSequence")
    ):
        words.append("IR")
    return tuple(word for word in words if word)


def _shared(header: Dataset, name: str) -> list[Dataset]:
    """Items of a functional group that all frames have in common."""
    return [
        item for group in header.get("SharedFunctionalGroupsSequence") or () for item in group.get(name) or ()
    ]


def _read_facts(header: Dataset, frames: tuple[Frame, ...]) -> dict[str, Any]:
    """Fields of the sidecar, in BIDS units; `privacy.keep` decides what of it is written."""
    timing = (*_shared(header, "MRTimingAndRelatedParametersSequence"), _UNNAMED)[0]
    measures = (*_shared(header, "PixelMeasuresSequence"), _UNNAMED)[0]
    repetition = _number(header.get("RepetitionTime") or timing.get("RepetitionTime"))
    echo = next((frame.echo_ms for frame in frames if frame.echo_ms), None)
    inversion = next((frame.inversion_ms for frame in frames if frame.inversion_ms), None)
    facts: dict[str, Any] = {
        "Manufacturer": _text(header, "Manufacturer") or None,
        "MagneticFieldStrength": _tesla(_number(header.get("MagneticFieldStrength"))),
        "RepetitionTime": _seconds(repetition),
        "EchoTime": _seconds(echo),
        "InversionTime": _seconds(inversion),
        "FlipAngle": _number(header.get("FlipAngle") or timing.get("FlipAngle")),
        "MRAcquisitionType": _text(header, "MRAcquisitionType") or None,
        "ImageType": list(frames[0].image_type) if frames else None,
        "SliceThickness": _number(header.get("SliceThickness") or measures.get("SliceThickness")),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _seconds(milliseconds: float | None) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _tesla(strength: float | None) -> float | None:
    """Some scanners write Gauss."""
    return strength / 10_000 if strength and strength > 100 else strength or None


def _read_frames(header: Dataset, vendor: str | None) -> Iterator[Frame]:
    groups = header.get("PerFrameFunctionalGroupsSequence")
    if groups:
        shared = (header.get("SharedFunctionalGroupsSequence") or [_UNNAMED])[0]
        if len(groups) != int(header.NumberOfFrames):
            raise ValueError("the frames are not those that are described")
        for index, group in enumerate(groups):
            yield _read_group(header, shared, group, vendor, index=index)
    elif (_whole(header.get("NumberOfFrames")) or 1) > 1:
        raise ValueError("nothing says where the frames lie")
    elif "MOSAIC" in read_words(header.get("ImageType")):
        yield from _read_tiles(header, vendor)
    else:
        yield _read_single(header, vendor)


def _read_single(header: Dataset, vendor: str | None) -> Frame:
    return Frame(
        index=0,
        position=_vector(header.ImagePositionPatient, 3),
        orientation=_vector(header.ImageOrientationPatient, 6),
        spacing=_pair(header.PixelSpacing),
        rows=int(header.Rows),
        columns=int(header.Columns),
        weighting=read_weighting(header, vendor),
        image_type=read_words(header.get("ImageType")),
        echo_ms=_number(header.get("EchoTime")),
        inversion_ms=_number(header.get("InversionTime")) or None,
        order=(
            _number(header.get("AcquisitionNumber")) or 0.0,
            _number(header.get("TemporalPositionIdentifier")) or 0.0,
            _number(header.get("InstanceNumber")) or 0.0,
        ),
        scale=_read_scale(header),
        philips_slope=read_philips_scale(header) if vendor == "Philips" else None,
        adc_scale=_read_adc_scale(header),
        is_scaled="RescaleSlope" in header or "RealWorldValueMappingSequence" in header,
    )


def _read_tiles(header: Dataset, vendor: str | None) -> Iterator[Frame]:
    """Yield the slices of a Siemens mosaic, whose position is that of a mosaic-sized slice."""
    mosaic = read_mosaic(header)
    if mosaic is None:
        raise ValueError("nothing says how the mosaic is laid out")
    whole = _read_single(header, vendor)
    side = int(np.ceil(np.sqrt(mosaic.slices)))
    rows, columns = whole.rows // side, whole.columns // side
    directions = np.array(whole.orientation).reshape(2, 3)
    corner = np.array(whole.position)
    corner = corner + directions[0] * whole.spacing[1] * (whole.columns - columns) / 2
    corner = corner + directions[1] * whole.spacing[0] * (whole.rows - rows) / 2
    step = float(header.get("SpacingBetweenSlices") or header.SliceThickness) * np.array(mosaic.normal)
    for tile in range(mosaic.slices):
        yield Frame(
            index=0,
            tile=tile,
            position=tuple(map(float, corner + tile * step)),
            rows=rows,
            columns=columns,
            **{
                name: getattr(whole, name)
                for name in Frame.__slots__
                if name not in ("index", "tile", "position", "rows", "columns")
            },
        )


def _read_group(header: Dataset, shared: Dataset, group: Dataset, vendor: str | None, *, index: int) -> Frame:
    """One frame of a multi-frame file."""

    def find(name: str) -> Dataset:
        items = group.get(name) or shared.get(name)
        return items[0] if items else _UNNAMED

    own = read_philips_frame(group) or _UNNAMED
    content, values = find("FrameContentSequence"), find("PixelValueTransformationSequence")
    weighting = read_weighting(own, vendor, find("MRDiffusionSequence"))
    modifier, echo = find("MRModifierSequence"), find("MREchoSequence")
    frame_type = find("MRImageFrameTypeSequence").get("FrameType") or header.get("ImageType")
    return Frame(
        index=index,
        position=_vector(find("PlanePositionSequence").ImagePositionPatient, 3),
        orientation=_vector(find("PlaneOrientationSequence").ImageOrientationPatient, 6),
        spacing=_pair(find("PixelMeasuresSequence").PixelSpacing),
        rows=int(header.Rows),
        columns=int(header.Columns),
        weighting=weighting,
        image_type=read_words(frame_type),
        echo_ms=_number(echo.get("EffectiveEchoTime") or header.get("EchoTime")),
        inversion_ms=_number(modifier.get("InversionTimes") or header.get("InversionTime")) or None,
        order=(
            _number(content.get("FrameAcquisitionNumber")) or 0.0,
            _number(content.get("TemporalPositionIndex")) or 0.0,
            float(index),
        ),
        scale=_read_scale(values),
        philips_slope=read_philips_scale(header, group) if vendor == "Philips" else None,
        adc_scale=_read_adc_scale(group) or _read_adc_scale(shared) or _read_adc_scale(header),
        is_scaled=True,
    )


def _vector(value: Any, length: int) -> tuple[float, ...]:
    numbers = tuple(read_numbers(value))
    if len(numbers) != length:
        raise ValueError(f"not {length} numbers")
    return numbers


def _pair(value: Any) -> tuple[float, float]:
    rows, columns = _vector(value, 2)
    if not (0.05 <= rows <= 20 and 0.05 <= columns <= 20):
        raise ValueError("no pixel of a head")
    return rows, columns


def _read_scale(item: Dataset) -> tuple[float, float]:
    slope, intercept = _number(item.get("RescaleSlope")), _number(item.get("RescaleIntercept"))
    return slope or 1.0, intercept or 0.0


def _read_adc_scale(item: Dataset) -> tuple[float, float] | None:
    for mapping in item.get("RealWorldValueMappingSequence") or ():
        for unit in mapping.get("MeasurementUnitsCodeSequence") or ():
            factor = _UNITS.get(_text(unit, "CodeValue").replace(" ", ""))
            slope, intercept = (
                _number(mapping.get(f"RealWorldValue{name}")) for name in ("Slope", "Intercept")
            )
            if factor and slope:
                return factor * slope, factor * (intercept or 0.0)
    return None


def digest_pixels(file: BinaryIO) -> str:
    """Return a digest of a file's pixels alone: copies of an image differ in their headers at times."""
    return sha256(pydicom.dcmread(file, force=True).get("PixelData", b"")).hexdigest()
