"""What goes back to the archive: the page as Secondary Capture, the lesion as SEG, filed under the study.

Both carry patient and study of the source and nothing else of it. highdicom (Bridge et al., J Digit Imaging
2022) writes them. It is given stand-ins of the source's slices without a name, because it refuses values that
break the standard's rules, which archives are full of.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from highdicom.sc import SCImage
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import DA, TM, format_number_as_ds

from strokeclock import __version__
from strokeclock.errors import PatientError
from strokeclock.files import replacing
from strokeclock.imaging.volume import Volume
from strokeclock.intake.dicom_header import quiet
from strokeclock.intake.dicom_stacks import Slice, Stack
from strokeclock.reading.dicom_source import DicomSource, align, find_source

CAPTURE_NUMBER, SEGMENTATION_NUMBER = 29801, 29802  # of the series: above those of scanners and of archives
DESCRIPTION = "strokeclock: research use only"
SEGMENT = "acute infarct, research use only"
INFARCT = Code("55641003", "SCT", "Infarct")
RED = (255, 0, 0)
NO_LESION = "No DICOM SEG is written: there is no lesion to outline."
_LONGEST = 64  # of text of one line (VR LO)
_MAKER = "strokeclock"
_NO_NAME = dict.fromkeys(
    ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"), ""
)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What made a picture or a mask, and when.

    Attributes
    ----------
    model : name and version of the bundle, for SoftwareVersions.
    sha256 : of the bundle; its start is the number of the device.
    made : local time. It is written, and no UID depends on it.
    """

    model: str
    sha256: str
    made: datetime


def write_dicom(
    folder: str | Path,
    files: Sequence[Path],
    *,
    pictures: Sequence[NDArray],
    dwi: Volume | None,
    lesion: Volume | None,
    algorithm: str,
    origin: Origin,
    patient: str,
) -> list[str]:
    """Write capture-1.dcm and so on, and segmentation.dcm, for the archive that the series came from.

    Parameters
    ----------
    files : of the series that gave the DWI, as in `Found.files`; without DWI of any series of the study.
    pictures, algorithm : as in `write_secondary_captures` and `write_segmentation`.
    dwi, lesion : as brought from these files, and a mask on its voxels; None where there is none.
    patient : named in errors.

    Returns
    -------
    Sentences on what could not be written.

    Raises
    ------
    PatientError
        As `find_source` and `write_segmentation`; of the latter the pictures are written.
    """
    source = find_source(files, dwi, patient=patient)
    write_secondary_captures(folder, pictures, source, origin=origin)
    if lesion is None:
        return [NO_LESION]
    path = Path(folder) / "segmentation.dcm"
    said = write_segmentation(path, lesion, source, algorithm=algorithm, origin=origin, patient=patient)
    return [said] if said else []


def write_secondary_captures(
    folder: str | Path,
    pictures: Sequence[NDArray],
    source: DicomSource,
    *,
    origin: Origin,
    description: str = DESCRIPTION,
) -> list[Path]:
    """Write pictures as one series of Secondary Captures, capture-1.dcm and so on.

    Parameters
    ----------
    pictures : uint8 (rows, columns, 3) each, RGB, in the order of the pages. No identity is drawn in them.
    description : of the series.

    Returns
    -------
    The files. The same source, pictures and bundle give the same UIDs.
    """
    digest = _digest(source, origin, description, *pictures)
    paths = []
    for number, picture in enumerate(pictures, start=1):
        with _quiet():
            image = SCImage(
                np.ascontiguousarray(picture),
                photometric_interpretation="RGB",
                bits_allocated=8,
                coordinate_system="PATIENT",
                patient_orientation=("L", "P"),
                study_instance_uid=source.identity.StudyInstanceUID,
                series_instance_uid=_make_uid(f"{digest}/series"),
                series_number=CAPTURE_NUMBER,
                sop_instance_uid=_make_uid(f"{digest}/instance {number}"),
                instance_number=number,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                **_describe_device(origin, description),
            )
            image["PatientOrientation"].clear()  # a page has none, and it may be empty
            image.BodyPartExamined = "BRAIN"  # else a side is asked for
            image.ConversionType = "WSD"  # made on a workstation
            image.BurnedInAnnotation = "NO"  # nothing that tells the patient
            image.LossyImageCompression = "00"
            image.DateOfSecondaryCapture = DA(f"{origin.made:%Y%m%d}")
            image.TimeOfSecondaryCapture = TM(f"{origin.made:%H%M%S}")
            image.update(source.compression)
            paths.append(Path(folder) / f"capture-{number}.dcm")
            _save(paths[-1], image, source, origin)
    return paths


def write_segmentation(
    path: str | Path,
    lesion: Volume,
    source: DicomSource,
    *,
    algorithm: str,
    origin: Origin,
    patient: str,
    description: str = DESCRIPTION,
) -> str:
    """Write the lesion as DICOM SEG, binary, on the frames of the series that gave the DWI.

    Frames without a voxel of the lesion are left out. Each frame refers to the image of its slice; not of a
    mosaic, whose one image holds all slices.

    Parameters
    ----------
    lesion : mask on the DWI's voxels. They are carried by their place, whatever the order of axes.
    algorithm : what found the lesion, as in `result.Lesion.source`.
    patient : named in errors.

    Returns
    -------
    "" where the file is written; else one sentence on why there is none: the mask is empty, or no
    segmentation can be tied to the series.

    Raises
    ------
    PatientError
        The lesion's voxels are not those of the series' images.
    """
    if source.fault or source.stack is None:
        return source.fault
    if not (lesion.data > 0.5).any():
        return NO_LESION
    aligned = align(lesion, source.stack)
    if aligned is None:
        raise PatientError(
            patient,
            "the lesion's voxels are not those of the DWI series' images: outline it on the DWI as imported",
        )
    frames = np.ascontiguousarray(aligned.T > 0.5, dtype=np.uint8)  # slices, rows, columns
    digest = _digest(source, origin, algorithm, description, frames)
    with _quiet():
        image = highdicom.seg.Segmentation(
            _stand_in(source, source.stack),
            frames,
            SegmentationTypeValues.BINARY,
            [_describe_segment(algorithm)],
            series_instance_uid=_make_uid(f"{digest}/series"),
            series_number=SEGMENTATION_NUMBER,
            sop_instance_uid=_make_uid(f"{digest}/instance"),
            instance_number=1,
            content_label="ACUTE_INFARCT",
            content_description=SEGMENT,
            **_describe_device(origin, description),
        )
        image.ContentCreatorName = f"{_MAKER}^"
        for item in (*image.DimensionOrganizationSequence, *image.DimensionIndexSequence):
            item.DimensionOrganizationUID = _make_uid(f"{digest}/dimensions")
        image.update(source.compression)
        _refer(image, source, source.stack)
        _save(Path(path), image, source, origin)
    return ""


@contextmanager
def _quiet() -> Iterator[None]:
    """As `quiet`, for highdicom too, whose messages name UIDs."""
    logger = logging.getLogger("highdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with quiet():
            yield
    finally:
        logger.setLevel(level)


def _digest(source: DicomSource, origin: Origin, *parts: str | NDArray) -> str:
    """Digest what a file is made from: its study and series, the software, texts, and pixels."""
    digest = sha256()
    for text in (source.identity.StudyInstanceUID, source.series, __version__, origin.model, origin.sha256):
        digest.update(f"{text}\n".encode())
    for part in parts:
        if isinstance(part, str):
            digest.update(f"{part}\n".encode())
        else:
            digest.update(f"{part.shape}\n".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _make_uid(words: str) -> UID:
    """Return the UID, 2.25 and a UUID, that follows from these words (PS3.5 B.2)."""
    return UID(f"2.25.{uuid5(NAMESPACE_URL, f'strokeclock reading/{words}').int}")


def _describe_device(origin: Origin, description: str) -> dict[str, Any]:
    return {
        "manufacturer": _MAKER,
        "manufacturer_model_name": _MAKER,
        "software_versions": (_fit(f"strokeclock {__version__}"), _fit(origin.model)),
        "device_serial_number": _fit(origin.sha256[:16]),
        "series_description": _fit(description),
        "content_qualification": "RESEARCH",
    }


def _fit(text: str) -> str:
    """Return text as every character set can hold it, in one line of the standard's length."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "/")
    return (
        "".join(letter if letter.isprintable() else " " for letter in plain)[:_LONGEST].strip() or "unknown"
    )


def _describe_segment(algorithm: str) -> SegmentDescription:
    name = _fit(f"strokeclock, {algorithm}")
    identified = highdicom.AlgorithmIdentificationSequence(
        name=name, family=codes.DCM.ArtificialIntelligence, version=__version__, source=_MAKER
    )
    return SegmentDescription(
        segment_number=1,
        segment_label=SEGMENT,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=INFARCT,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=identified,
        anatomic_regions=[codes.SCT.Brain],
        display_color=CIELabColor.from_rgb(*RED),
    )


def _stand_in(source: DicomSource, stack: Stack) -> list[Dataset]:
    """Return an image of one frame for each slice, with the slice's place, size and a UID of its own.

    highdicom takes frames of a multi-frame image only if all have one orientation in common, and mosaics not
    at all.
    """
    first = stack.slices[0].frame
    images = []
    for one in stack.slices:
        image = Dataset()
        for name, value in _NO_NAME.items():
            setattr(image, name, value)
        image.StudyDate = image.StudyTime = None
        image.SOPClassUID = MRImageStorage
        image.SOPInstanceUID = _name_stand_in(one)
        image.Modality = "MR"
        image.StudyInstanceUID = source.identity.StudyInstanceUID
        image.SeriesInstanceUID = source.series
        image.FrameOfReferenceUID = source.frame_of_reference
        image.PositionReferenceIndicator = source.position_reference
        image.Rows, image.Columns = first.rows, first.columns
        image.ImagePositionPatient = [*map(format_number_as_ds, one.frame.position)]
        image.ImageOrientationPatient = [*map(format_number_as_ds, first.orientation)]
        image.PixelSpacing = [*map(format_number_as_ds, first.spacing)]
        spacing_mm = round(stack.spacing_mm, 6)
        image.SpacingBetweenSlices = format_number_as_ds(spacing_mm)
        thickness = one.header.facts.get("SliceThickness") or spacing_mm
        image.SliceThickness = format_number_as_ds(float(thickness))
        images.append(image)
    return images


def _name_stand_in(one: Slice) -> UID:
    return _make_uid(f"{one.header.uid}/{one.frame.index}/{one.frame.tile}")


def _refer(image: Dataset, source: DicomSource, stack: Stack) -> None:
    """Put the images of the source in the place of their stand-ins."""
    slices = {_name_stand_in(one): one for one in stack.slices}
    has_tiles = any(one.frame.tile is not None for one in stack.slices)
    for group in image.PerFrameFunctionalGroupsSequence:
        if has_tiles:
            group.DerivationImageSequence = []
        for derivation in group.DerivationImageSequence:
            for reference in derivation.SourceImageSequence:
                one = slices[reference.ReferencedSOPInstanceUID]
                reference.ReferencedSOPClassUID = source.sop_class
                reference.ReferencedSOPInstanceUID = one.header.uid
                if source.is_multiframe:
                    reference.ReferencedFrameNumber = one.frame.index + 1
    references = []
    for uid in dict.fromkeys(one.header.uid for one in stack.slices):
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source.sop_class, uid
        references.append(reference)
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = source.series, references
    image.SourceImageSequence, image.ReferencedSeriesSequence = references, [series]


def _save(path: Path, image: Dataset, source: DicomSource, origin: Origin) -> None:
    """Name the patient, set all times to that of the reading, and write the file, whole or not at all."""
    correct_ambiguous_vr(image, is_little_endian=True)
    image.update(source.identity)
    # told that the data set has this encoding already, pydicom writes the bytes of the source's text
    charset = convert_encodings(image.get("SpecificCharacterSet")) if "SpecificCharacterSet" in image else []
    image.set_original_encoding(False, True, charset or default_encoding)
    day, time = f"{origin.made:%Y%m%d}", f"{origin.made:%H%M%S}"
    for of in ("InstanceCreation", "Series", "Content"):
        setattr(image, f"{of}Date", day)
        setattr(image, f"{of}Time", time)
    for equipment in image.ContributingEquipmentSequence:
        equipment.ContributionDateTime = day + time
    with replacing(path) as beside:
        image.save_as(beside, enforce_file_format=True)
