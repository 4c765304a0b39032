"""A phantom's study as DICOM files, by the conventions of the scanner's vendor.

Identity is made up and plainly so: Phantom^0012 of the Phantom Hospital.
"""

import io
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from strokeclock.files import replacing_folder
from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.dialects import DIALECTS, Dialect
from strokeclock.phantom.enhanced import join_frames
from strokeclock.phantom.frames import Frame, add_pixels, add_window, cut_series
from strokeclock.phantom.sites import MANUFACTURERS, SCANNERS
from strokeclock.phantom.study import Habits, StudySeries

FIRST_DAY = date(2020, 1, 1)  # of patient 0's study; each further one is a day later
MINUTES_A_SERIES = 2
LARMOR_MHZ_PER_T = 42.577
_SEQUENCES = {"localizer": "GR", "dwi": "EP", "adc": "EP", "flair": ["SE", "IR"]}


def write_study(
    folder: str | Path, record: PatientRecord, series: list[StudySeries], habits: Habits, *, seed: int
) -> dict[str, str]:
    """Write a study's series into a folder of its own, with the same bytes at every call.

    Files are called IM0001, IM0002, …, without an ending as in exports; series may have folders (`habits`).

    Returns
    -------
    dict
        dicom/<file> -> path, of all files.
    """
    dialect = DIALECTS[record.vendor]
    is_enhanced = habits.enhanced and dialect.has_enhanced
    names: list[str] = []
    with replacing_folder(folder) as beside:
        for place, (one, header) in enumerate(_describe_study(series, record, dialect, seed=seed), start=1):
            inside = f"SE{place:04d}/" if habits.folder_each else ""
            (beside / inside).mkdir(exist_ok=True)
            frames = _scale(cut_series(one), one, dialect)
            images = (
                [join_frames(header, frames, one.kind, dialect)]
                if is_enhanced
                else _split(header, frames, dialect)
            )
            first = 1 if habits.folder_each else len(names) + 1
            for number, image in enumerate(images, start=first):
                names.append(f"{inside}IM{number:04d}")
                (beside / names[-1]).write_bytes(_encode(image))
    return {f"dicom/{name}": str(Path(folder) / name) for name in names}


def _describe_study(
    series: Sequence[StudySeries], record: PatientRecord, dialect: Dialect, *, seed: int
) -> Iterator[tuple[StudySeries, Dataset]]:
    """Yield each series with the header that its images share."""
    digest = digest_study(series, record, seed=seed)
    scanned, taken = 0, set()
    for place, one in enumerate(series):
        if one.kind == "adc":
            number = scanned + dialect.derived_step
        else:
            number = scanned + dialect.step if scanned else dialect.first_number
            while number in taken:
                number += dialect.step
            scanned = number
        taken.add(number)
        began = _begin_study(record) + timedelta(minutes=MINUTES_A_SERIES * place)
        header = _describe_patient(record, seed=seed)
        header.StudyInstanceUID = make_uid(f"{digest}/study")
        header.FrameOfReferenceUID = make_uid(f"{digest}/frame of reference")
        header.SeriesNumber = number
        header.SeriesInstanceUID = make_uid(f"{digest}/series {place}")
        header.SeriesDate = header.AcquisitionDate = header.ContentDate = header.StudyDate
        header.SeriesTime = header.AcquisitionTime = header.ContentTime = f"{began:%H%M%S}"
        _describe_equipment(header, record)
        _describe_protocol(header, one, record, dialect)
        yield one, header


def digest_study(series: Sequence[StudySeries], record: PatientRecord, *, seed: int) -> str:
    """Return a digest of all that a study is made from, so that studies with other images have other UIDs."""
    digest = sha256(f"{seed}/{record!r}".encode())
    for one in series:
        digest.update(f"{one.kind}/{len(one.stacks)}".encode())
        for stack in one.stacks:
            digest.update(f"{stack.b_value}/{stack.thickness_mm}/{stack.data.shape}".encode())
            digest.update(stack.affine.tobytes())
            digest.update(stack.data.tobytes())
    return digest.hexdigest()


def make_uid(words: str) -> UID:
    """Return the UID, 2.25 and a UUID, that follows from these words."""
    return UID(f"2.25.{uuid5(NAMESPACE_URL, f'strokeclock phantom/{words}').int}")


def _begin_study(record: PatientRecord) -> datetime:
    day = FIRST_DAY + timedelta(days=record.number)
    return datetime.combine(day, time(8)) + timedelta(minutes=record.number % 600)


def _describe_patient(record: PatientRecord, *, seed: int) -> Dataset:
    """The attributes of patient and study, all made up except age and sex."""
    began = _begin_study(record)
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.Modality = "MR"
    header.PatientName = f"Phantom^{record.number:04d}"
    header.PatientID = f"PHANTOM-{record.site}-{seed}-{record.number:04d}"
    header.PatientBirthDate = f"{began.year - record.age}0101"
    header.PatientSex = record.sex
    header.PatientAge = f"{record.age:03d}Y"
    header.PositionReferenceIndicator = ""
    header.StudyDate, header.StudyTime = f"{began:%Y%m%d}", f"{began:%H%M%S}"
    header.StudyID = str(record.number)
    # Of 16 characters at most: too few for the patient's identifier.
    header.AccessionNumber = f"ACC{sha256(header.PatientID.encode()).hexdigest()[:13].upper()}"
    header.ReferringPhysicianName = "Phantom^Physician"
    header.StudyDescription = "MR HEAD STROKE"
    return header


def _describe_equipment(header: Dataset, record: PatientRecord) -> None:
    header.Manufacturer = MANUFACTURERS[record.vendor]
    header.ManufacturerModelName = SCANNERS[record.site].model
    header.InstitutionName = "Phantom Hospital"
    header.InstitutionAddress = "1 Phantom Street"
    header.StationName = "PHANTOM-STATION"
    header.DeviceSerialNumber = "00000"
    header.SoftwareVersions = "phantom"


def _describe_protocol(header: Dataset, series: StudySeries, record: PatientRecord, dialect: Dialect) -> None:
    name = "b0" if all(stack.b_value == 0 for stack in series.stacks) else series.kind
    header.SeriesDescription = dialect.descriptions[name]
    header.ProtocolName = dialect.protocols[series.kind]
    header.ImageType = list(dialect.image_types[name])
    header.ImageComments = f"phantom {record.number:04d}"
    header.BodyPartExamined, header.PatientPosition = "HEAD", "HFS"
    header.ScanningSequence, header.SequenceVariant = _SEQUENCES[series.kind], "SK"
    header.ScanOptions = "FS" if series.kind in ("dwi", "adc") else ""
    header.MRAcquisitionType, header.InPlanePhaseEncodingDirection = "2D", "COL"
    tr, te, flip = record.epi.tr_ms, record.epi.te_ms, 90
    if series.kind == "flair":
        tr, te = record.flair.tr_ms, record.flair.te_ms
        header.InversionTime = format_number_as_ds(round(record.flair.ti_ms, 3))
    elif series.kind == "localizer":
        tr, te, flip = 8.6, 4.0, 20
    header.RepetitionTime, header.EchoTime = (format_number_as_ds(round(ms, 3)) for ms in (tr, te))
    header.FlipAngle, header.EchoTrainLength, header.NumberOfAverages = flip, 1, 1
    header.ImagedNucleus = "1H"
    header.MagneticFieldStrength = format_number_as_ds(record.field_t)
    header.ImagingFrequency = format_number_as_ds(round(LARMOR_MHZ_PER_T * record.field_t, 6))
    dialect.add_scale(header, series.kind)


def _scale(frames: list[Frame], series: StudySeries, dialect: Dialect) -> list[Frame]:
    """Return the frames with pixels as they are stored: ADC maps in the vendor's steps."""
    if series.kind != "adc":
        return frames
    steps = dialect.adc_slope
    return [replace(one, pixels=np.rint(one.pixels / steps).astype(one.pixels.dtype)) for one in frames]


def _split(header: Dataset, frames: list[Frame], dialect: Dialect) -> Iterator[Dataset]:
    """Yield an image of one frame for each frame (MR Image Storage)."""
    for number, frame in enumerate(frames, start=1):
        image = deepcopy(header)
        image.SOPClassUID = MRImageStorage
        image.InstanceNumber, image.AcquisitionNumber = number, frame.stack
        rows, columns, slices = frame.spacing_mm
        image.PixelSpacing = [format_number_as_ds(rows), format_number_as_ds(columns)]
        image.SpacingBetweenSlices = format_number_as_ds(slices)
        image.SliceThickness = format_number_as_ds(frame.thickness_mm)
        image.ImageOrientationPatient = [*map(format_number_as_ds, frame.orientation.ravel())]
        image.ImagePositionPatient = [*map(format_number_as_ds, frame.position)]
        image.SliceLocation = format_number_as_ds(round(frame.depth, 6))
        if frame.b_value is not None:
            dialect.add_b_value(image, frame.b_value)
        add_window(image, frame.pixels)
        add_pixels(image, frame.pixels, signed=dialect.signed)
        yield image


def _encode(image: Dataset) -> bytes:
    """Return the file of an image, whose SOPInstanceUID follows from all of its header and pixels."""
    content = io.BytesIO()
    image.save_as(content, implicit_vr=False, little_endian=True)
    image.SOPInstanceUID = make_uid(sha256(content.getvalue()).hexdigest())
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()
