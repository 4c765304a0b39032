"""The DICOM series that gave the DWI: whose it is, and where each of its slices lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import MRImageStorage

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import Volume
from strokeclock.intake.dicom_files import open_files, open_place
from strokeclock.intake.dicom_header import Header, quiet, read_header
from strokeclock.intake.dicom_series import recognise_part
from strokeclock.intake.dicom_stacks import Stack, split_series

# What names the patient and the study; the archive files an image by it. All else stays behind.
_IDENTITY = (
    "SpecificCharacterSet",
    *("PatientName", "PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence"),
    *("TypeOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientIdentityRemoved"),
    *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription"),
    *("AccessionNumber", "IssuerOfAccessionNumberSequence", "ReferringPhysicianName"),
)
_TEXT = ("LO", "PN", "SH")
_COMPRESSION = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_PLACE = ("SOPClassUID", "NumberOfFrames", "FrameOfReferenceUID", "PositionReferenceIndicator")


@dataclass(frozen=True, kw_only=True, eq=False)
class DicomSource:
    """The series that gave the DWI.

    Attributes
    ----------
    identity : the attributes of patient and study, and the character set of their text.
    compression : the attributes that say whether its pixels were compressed with loss.
    series : its SeriesInstanceUID.
    sop_class : of its files.
    is_multiframe : its files hold several frames.
    frame_of_reference, position_reference : FrameOfReferenceUID, PositionReferenceIndicator; "" where there
        is none.
    stack : the volume that has the DWI's voxels, one image a slice position; None where none has.
    fault : one sentence on why no segmentation can be tied to it; "" where one can.
    """

    identity: Dataset
    compression: Dataset
    series: str
    sop_class: str
    is_multiframe: bool
    frame_of_reference: str
    position_reference: str
    stack: Stack | None
    fault: str


def find_source(files: Sequence[Path], dwi: Volume | None, *, patient: str) -> DicomSource:
    """Find patient, study and slices in the files of the series that gave the DWI.

    A series holds b0, b-values and directions of one volume each. The slices are those of the first volume
    with the DWI's voxels; the volumes that the DWI was made from come first.

    Parameters
    ----------
    files : as in `Found.files`; members of a zip archive follow its path.
    dwi : as it was brought from these files; its axes may have any order. None: there is none, and any other
        series of the study tells the patient.
    patient : named in errors.

    Raises
    ------
    PatientError
        The files can no longer be read, or do not say which study they belong to.
    """
    with quiet():
        headers = _read_headers(files, patient)
        stack = next((one for one in _list_stacks(headers) if dwi and align(dwi, one) is not None), None)
        header = stack.slices[0].header if stack else headers[0]
        try:
            with open_place(header.place) as file:
                image = pydicom.dcmread(
                    file,
                    stop_before_pixels=True,
                    force=True,
                    specific_tags=[*_IDENTITY, *_COMPRESSION, *_PLACE],
                )
        except OSError as error:
            raise _refuse(patient) from error
        if not header.study:
            raise PatientError(
                patient,
                "DWI series has no StudyInstanceUID, so no DICOM can be tied to its study: leave --dicom out",
            )
        sop_class, frame_of_reference = image.SOPClassUID, str(image.get("FrameOfReferenceUID") or "")
        return DicomSource(
            identity=_pick(image, _IDENTITY),
            compression=_pick(image, _COMPRESSION),
            series=header.series,
            sop_class=str(sop_class),
            is_multiframe="NumberOfFrames" in image and sop_class != MRImageStorage,
            frame_of_reference=frame_of_reference,
            position_reference=str(image.get("PositionReferenceIndicator") or ""),
            stack=stack,
            fault=_find_fault(stack, frame_of_reference),
        )


def align(volume: Volume, stack: Stack) -> NDArray | None:
    """Return a volume's data in the order of a stack: columns, rows, slices; None where it has other voxels.

    Axes may be flipped and exchanged, voxels may not lie elsewhere.
    """
    if sorted(volume.shape) != sorted(stack.shape) or not stack.spacing_mm:
        return None
    orientation = nib.orientations.io_orientation(np.linalg.inv(stack.affine) @ volume.affine)
    if np.isnan(orientation).any():
        return None
    aligned = nib.orientations.apply_orientation(volume.data, orientation)
    own = Volume(aligned, volume.affine @ nib.orientations.inv_ornt_aff(orientation, volume.shape))
    return aligned if own.same_grid(Volume(np.broadcast_to(False, stack.shape), stack.affine)) else None


def _read_headers(files: Sequence[Path], patient: str) -> list[Header]:
    wanted = set(files)
    headers = []
    for root in dict.fromkeys(_find_root(file, patient) for file in files):
        for opened in open_files(root, lambda sentence: None):
            if opened.place.written in wanted:
                try:
                    header = read_header(opened)
                except ValueError as error:
                    raise _refuse(patient) from error
                if header is not None:
                    # images are numbered through their series, and these may be a part of it
                    headers.append(replace(header, instance=None))
    if not headers or len(headers) < len(wanted):
        raise _refuse(patient)
    return headers


def _find_root(file: Path, patient: str) -> Path:
    """Return the file itself, or the archive that it is a member of."""
    for path in (file, *file.parents):
        if path.is_file():
            return path
    raise _refuse(patient)


def _refuse(patient: str) -> PatientError:
    return PatientError(patient, "DICOM files of the DWI can no longer be read: read an unchanged source")


def _list_stacks(headers: Sequence[Header]) -> Iterator[Stack]:
    """Yield the volumes: first those that a DWI is made from."""
    parts = list(split_series(headers))
    for part in parts:
        use = recognise_part(part).use
        if "dwi" in use.gives:
            yield from (use.stacks[one] for one in use.plan.trace) if use.plan else use.stacks
    for part in parts:
        yield from part.stacks


def _pick(image: Dataset, names: Sequence[str]) -> Dataset:
    """Return some attributes of a data set as they are, values that break its rules too.

    Text keeps its bytes: decoded and encoded again, a name would change where it is not in the character set
    that the file declares.
    """
    picked = Dataset()
    for tag in map(Tag, names):
        if tag not in image:
            continue
        kind, element = dictionary_VR(tag), image.get_item(tag)
        if isinstance(element, RawDataElement) and kind in _TEXT and element.value is not None:
            even = element.value + b" " * (len(element.value) % 2)
            picked[tag] = element._replace(VR=kind, value=even, length=len(even))
        else:
            picked[tag] = image[tag]
    return picked


def _find_fault(stack: Stack | None, frame_of_reference: str) -> str:
    if not frame_of_reference:
        why = "its series has no FrameOfReferenceUID"
    elif stack is None:
        why = "its series holds no images with the voxels of the DWI"
    elif not all(one.header.uid for one in stack.slices):
        why = "its series has images without SOPInstanceUID"
    else:
        return ""
    return f"The lesion cannot be given as DICOM SEG: {why}."
