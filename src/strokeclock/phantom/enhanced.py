"""A series as one multi-frame file (Enhanced MR Image Storage), as newer Philips systems write it."""

from copy import deepcopy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage
from pydicom.valuerep import format_number_as_ds

from strokeclock.phantom.dialects import Dialect
from strokeclock.phantom.frames import Frame, add_pixels

# Of the classic header: they have places of their own in a multi-frame file, or none.
_MOVED = (
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "EchoTrainLength",
    "NumberOfAverages",
    "ImagedNucleus",
    "ImagingFrequency",
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "RealWorldValueMappingSequence",
    "ImageType",
)


def join_frames(header: Dataset, frames: list[Frame], dialect: Dialect) -> Dataset:
    """Return all frames of a series as one image; `header` is that of its classic images.

    Dimensions are the stack, the place in it and, of a diffusion series, the b-value; frames are in the order
    of the scan.
    """
    image = deepcopy(header)
    for name in _MOVED:
        if name in image:
            delattr(image, name)
    image.SOPClassUID = EnhancedMRImageStorage
    image.InstanceNumber, image.NumberOfFrames = 1, len(frames)
    b_values = sorted({frame.b_value for frame in frames if frame.b_value is not None})
    is_derived = "RealWorldValueMappingSequence" in header
    flavour = "DIFFUSION" if b_values or is_derived else "OTHER"
    frame_type = [
        "DERIVED" if is_derived else "ORIGINAL",
        "PRIMARY",
        flavour,
        "ADC" if is_derived else "NONE",
    ]
    image.ImageType = frame_type
    image.AcquisitionDateTime = header.AcquisitionDate + header.AcquisitionTime
    image.AcquisitionNumber, image.AcquisitionDuration = 1, 60.0
    _describe_contrast(image, flavour)
    image.ContentQualification, image.ResonantNucleus = "RESEARCH", "1H"
    image.BurnedInAnnotation, image.LossyImageCompression = "NO", "00"
    image.PresentationLUTShape = "IDENTITY"
    image.EchoPulseSequence = "GRADIENT" if header.ScanningSequence == "GR" else "SPIN"
    image.EchoPlanarPulseSequence = "YES" if header.ScanningSequence == "EP" else "NO"
    image.PulseSequenceName = header.ProtocolName
    _describe_dimensions(image, has_b_values=bool(b_values))
    image.SharedFunctionalGroupsSequence = [_share(header, frames[0])]
    image.PerFrameFunctionalGroupsSequence = [
        _describe_frame(header, frame, b_values, frame_type) for frame in frames
    ]
    add_pixels(image, np.stack([frame.pixels for frame in frames]), signed=dialect.signed)
    return image


def _describe_contrast(item: Dataset, flavour: str) -> None:
    item.PixelPresentation, item.VolumetricProperties = "MONOCHROME", "VOLUME"
    item.VolumeBasedCalculationTechnique, item.ComplexImageComponent = "NONE", "MAGNITUDE"
    item.AcquisitionContrast = "DIFFUSION" if flavour == "DIFFUSION" else "UNKNOWN"


def _describe_dimensions(image: Dataset, *, has_b_values: bool) -> None:
    organisation = Dataset()
    organisation.DimensionOrganizationUID = image.SeriesInstanceUID + ".1"
    image.DimensionOrganizationSequence = [organisation]
    places = [("FrameContentSequence", "StackID"), ("FrameContentSequence", "InStackPositionNumber")]
    places += [("MRDiffusionSequence", "DiffusionBValue")] if has_b_values else []
    items = []
    for group, name in places:
        item = Dataset()
        item.DimensionOrganizationUID = organisation.DimensionOrganizationUID
        item.DimensionIndexPointer, item.FunctionalGroupPointer = Tag(name), Tag(group)
        item.DimensionDescriptionLabel = name
        items.append(item)
    image.DimensionIndexSequence = items


def _share(header: Dataset, frame: Frame) -> Dataset:
    """Functional groups that all frames have in common."""
    rows, columns, slices = frame.spacing_mm
    measures, timing, echo, modifier, averages, values, anatomy, region = (Dataset() for _ in range(8))
    measures.PixelSpacing = [format_number_as_ds(rows), format_number_as_ds(columns)]
    measures.SliceThickness = measures.SpacingBetweenSlices = format_number_as_ds(slices)
    timing.RepetitionTime, timing.FlipAngle = header.RepetitionTime, header.FlipAngle
    timing.EchoTrainLength = timing.RFEchoTrainLength = timing.GradientEchoTrainLength = 1
    echo.EffectiveEchoTime = float(header.EchoTime)
    modifier.InversionRecovery = "YES" if "InversionTime" in header else "NO"
    if "InversionTime" in header:
        modifier.InversionTimes = float(header.InversionTime)
    averages.NumberOfAverages = header.NumberOfAverages
    values.RescaleSlope, values.RescaleIntercept = header.RescaleSlope, header.RescaleIntercept
    values.RescaleType = "US"
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "69536005", "SCT", "Head"
    anatomy.FrameLaterality, anatomy.AnatomicRegionSequence = "U", [region]
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.MRTimingAndRelatedParametersSequence = [timing]
    shared.MREchoSequence = [echo]
    shared.MRModifierSequence = [modifier]
    shared.MRAveragesSequence = [averages]
    shared.PixelValueTransformationSequence = [values]
    shared.FrameAnatomySequence = [anatomy]
    if "RealWorldValueMappingSequence" in header:
        shared.RealWorldValueMappingSequence = deepcopy(header.RealWorldValueMappingSequence)
    return shared


def _describe_frame(header: Dataset, frame: Frame, b_values: list[float], frame_type: list[str]) -> Dataset:
    """Functional groups of one frame."""
    content, position, orientation, kind = (Dataset() for _ in range(4))
    content.FrameAcquisitionNumber, content.StackID = frame.stack, "1" if b_values else str(frame.stack)
    content.InStackPositionNumber = frame.place
    content.FrameAcquisitionDateTime = header.AcquisitionDate + header.AcquisitionTime
    content.FrameReferenceDateTime = content.FrameAcquisitionDateTime
    content.FrameAcquisitionDuration = 60.0
    content.DimensionIndexValues = [int(content.StackID), frame.place]
    position.ImagePositionPatient = [*map(format_number_as_ds, frame.position)]
    orientation.ImageOrientationPatient = [*map(format_number_as_ds, frame.orientation.ravel())]
    kind.FrameType = frame_type
    _describe_contrast(kind, frame_type[2])
    group = Dataset()
    group.FrameContentSequence = [content]
    group.PlanePositionSequence = [position]
    group.PlaneOrientationSequence = [orientation]
    group.MRImageFrameTypeSequence = [kind]
    if frame.b_value is not None:
        diffusion = Dataset()
        diffusion.DiffusionBValue = frame.b_value
        diffusion.DiffusionDirectionality = "ISOTROPIC" if frame.b_value else "NONE"
        group.MRDiffusionSequence = [diffusion]
        content.DimensionIndexValues += [b_values.index(frame.b_value) + 1]
    return group
