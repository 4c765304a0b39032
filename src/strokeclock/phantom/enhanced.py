"""A series as one multi-frame file (Enhanced MR Image Storage), as newer Philips systems write it.

Modules and functional groups are those of the DICOM standard, PS3.3 A.36.2 (2026). What a phantom has no
number for, but the standard asks for, is that of a usual scan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage
from pydicom.valuerep import format_number_as_ds

from strokeclock.phantom.dialects import Dialect
from strokeclock.phantom.frames import Frame, add_pixels, add_window
from strokeclock.phantom.study import Kind

# Of the classic header: what stands at the same place in a multi-frame file.
_KEPT = frozenset(
    {
        *("SpecificCharacterSet", "Modality", "PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
        *("PatientAge", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
        *("AccessionNumber", "ReferringPhysicianName", "SeriesInstanceUID", "SeriesNumber", "SeriesDate"),
        *("SeriesTime", "SeriesDescription", "ProtocolName", "BodyPartExamined", "PatientPosition"),
        *("FrameOfReferenceUID", "PositionReferenceIndicator", "Manufacturer", "ManufacturerModelName"),
        *("InstitutionName", "InstitutionAddress", "StationName", "DeviceSerialNumber", "SoftwareVersions"),
        *("ContentDate", "ContentTime", "ImageComments"),
    }
)
ACQUISITION_S = 60.0
SENSE_FACTOR = 2.0  # of the EPI
SAR_W_PER_KG = 0.5  # of the head


@dataclass(frozen=True, kw_only=True)
class _Technique:
    """How a kind of series is scanned; names of the values are the standard's.

    flavour      value 3 of ImageType
    contrast     AcquisitionContrast
    echo         EchoPulseSequence
    steady       SteadyStatePulseSequence
    spoiling     Spoiling
    traversal    SegmentedKSpaceTraversal: FULL is a single shot
    suppression  SpectrallySelectedSuppression
    bandwidth    Hz per pixel
    """

    flavour: str
    contrast: str
    echo: str = "SPIN"
    steady: str = "NONE"
    spoiling: str = "NONE"
    traversal: str = "SINGLE"
    suppression: str = "FAT"
    bandwidth: float = 220.0


_DIFFUSION = _Technique(flavour="DIFFUSION", contrast="DIFFUSION", traversal="FULL", bandwidth=1800.0)
_TECHNIQUES: Mapping[Kind, _Technique] = MappingProxyType(
    {
        "localizer": _Technique(
            flavour="LOCALIZER",
            contrast="UNKNOWN",
            echo="GRADIENT",
            steady="LONGITUDINAL",
            spoiling="RF",
            suppression="NONE",
        ),
        "dwi": _DIFFUSION,
        "adc": _DIFFUSION,
        "flair": _Technique(flavour="FLUID_ATTENUATED", contrast="FLUID_ATTENUATED"),
    }
)


def join_frames(header: Dataset, frames: list[Frame], kind: Kind, dialect: Dialect) -> Dataset:
    """Return all frames of a series as one image; `header` is that of its classic images.

    Dimensions are the stack, the place in it and, of a diffusion series, the b-value; frames are in the order
    of the scan. An ADC map is a derived image, so nothing says how it was scanned.
    """
    technique, is_original = _TECHNIQUES[kind], kind != "adc"
    pixels = np.stack([frame.pixels for frame in frames])
    b_values = sorted({frame.b_value for frame in frames if frame.b_value is not None})
    image = Dataset()
    for element in header:
        if element.keyword in _KEPT or element.tag.is_private:
            image.add(element)
    image.SOPClassUID = EnhancedMRImageStorage
    image.InstanceNumber, image.NumberOfFrames = 1, len(frames)
    image.AcquisitionContextSequence = []
    image.ImageType = _frame_type(technique, is_original=is_original)
    _describe_contrast(image, technique)
    _describe_acquisition(image, header)
    if is_original:
        _describe_pulse_sequence(image, header, technique)
    _describe_dimensions(image, has_b_values=bool(b_values))
    shared = _share(header, frames[0], pixels)
    if is_original:
        _share_acquisition(shared, header, frames[0], technique)
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [
        _describe_frame(image, frame, b_values, technique) for frame in frames
    ]
    add_pixels(image, pixels, signed=dialect.signed)
    return image


def _frame_type(technique: _Technique, *, is_original: bool) -> list[str]:
    if is_original:
        return ["ORIGINAL", "PRIMARY", technique.flavour, "NONE"]
    return ["DERIVED", "PRIMARY", technique.flavour, "ADC"]


def _describe_contrast(item: Dataset, technique: _Technique) -> None:
    item.PixelPresentation, item.VolumetricProperties = "MONOCHROME", "VOLUME"
    item.VolumeBasedCalculationTechnique, item.ComplexImageComponent = "NONE", "MAGNITUDE"
    item.AcquisitionContrast = technique.contrast


def _describe_acquisition(image: Dataset, header: Dataset) -> None:
    """Module Enhanced MR Image, PS3.3 C.8.13.1."""
    image.AcquisitionNumber, image.AcquisitionDuration = 1, ACQUISITION_S
    image.AcquisitionDateTime = header.AcquisitionDate + header.AcquisitionTime
    image.MagneticFieldStrength, image.ResonantNucleus = header.MagneticFieldStrength, header.ImagedNucleus
    image.KSpaceFiltering, image.ApplicableSafetyStandardAgency = "NONE", "IEC"
    image.ContentQualification = "RESEARCH"
    image.BurnedInAnnotation, image.LossyImageCompression = "NO", "00"
    image.PresentationLUTShape = "IDENTITY"


def _describe_pulse_sequence(image: Dataset, header: Dataset, technique: _Technique) -> None:
    """Module MR Pulse Sequence, PS3.3 C.8.13.4."""
    image.PulseSequenceName, image.MRAcquisitionType = header.ProtocolName, header.MRAcquisitionType
    image.EchoPulseSequence = technique.echo
    if technique.echo == "SPIN":
        image.MultipleSpinEcho = "NO"
    image.EchoPlanarPulseSequence = "YES" if header.ScanningSequence == "EP" else "NO"
    image.SteadyStatePulseSequence = technique.steady
    image.SpectrallySelectedSuppression = technique.suppression
    image.SegmentedKSpaceTraversal, image.NumberOfKSpaceTrajectories = technique.traversal, 1
    image.GeometryOfKSpaceTraversal, image.RectilinearPhaseEncodeReordering = "RECTILINEAR", "LINEAR"
    image.MultiPlanarExcitation = image.PhaseContrast = image.TimeOfFlightContrast = "NO"
    image.SaturationRecovery, image.OversamplingPhase = "NO", "NONE"


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


def _share(header: Dataset, frame: Frame, pixels: np.ndarray) -> Dataset:
    """Functional groups of any image that all frames have in common; `pixels` are those of all frames."""
    rows, columns, slices = frame.spacing_mm
    measures, values, window, anatomy, region = (Dataset() for _ in range(5))
    measures.PixelSpacing = [format_number_as_ds(rows), format_number_as_ds(columns)]
    measures.SpacingBetweenSlices = format_number_as_ds(slices)
    measures.SliceThickness = format_number_as_ds(frame.thickness_mm)
    values.RescaleSlope, values.RescaleIntercept = header.RescaleSlope, header.RescaleIntercept
    values.RescaleType = "US"
    add_window(window, pixels)
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "69536005", "SCT", "Head"
    anatomy.FrameLaterality, anatomy.AnatomicRegionSequence = "U", [region]
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PixelValueTransformationSequence = [values]
    shared.FrameVOILUTSequence = [window]
    shared.FrameAnatomySequence = [anatomy]
    if "RealWorldValueMappingSequence" in header:
        shared.RealWorldValueMappingSequence = header.RealWorldValueMappingSequence
    return shared


def _share_acquisition(shared: Dataset, header: Dataset, frame: Frame, technique: _Technique) -> None:
    """Functional groups of original images alone, which say how all frames were scanned."""
    echo, averages = Dataset(), Dataset()
    echo.EffectiveEchoTime = float(header.EchoTime)
    averages.NumberOfAverages = header.NumberOfAverages
    shared.MREchoSequence = [echo]
    shared.MRAveragesSequence = [averages]
    shared.MRTimingAndRelatedParametersSequence = [_time(header)]
    shared.MRFOVGeometrySequence = [_encode_space(header, frame)]
    shared.MRModifierSequence = [_modify(header, technique)]
    shared.MRImagingModifierSequence = [_modify_imaging(header, technique)]
    receive, transmit = Dataset(), Dataset()
    receive.ReceiveCoilName, receive.ReceiveCoilManufacturerName = "HEAD", header.Manufacturer
    receive.ReceiveCoilType, receive.QuadratureReceiveCoil = "VOLUME", "NO"
    transmit.TransmitCoilName, transmit.TransmitCoilManufacturerName = "BODY", header.Manufacturer
    transmit.TransmitCoilType = "BODY"
    shared.MRReceiveCoilSequence, shared.MRTransmitCoilSequence = [receive], [transmit]


def _time(header: Dataset) -> Dataset:
    """MR Timing and Related Parameters, PS3.3 C.8.13.5.2."""
    absorption, timing = Dataset(), Dataset()
    absorption.SpecificAbsorptionRateDefinition = "IEC_HEAD"
    absorption.SpecificAbsorptionRateValue = SAR_W_PER_KG
    modes = []
    for kind in ("STATIC FIELD", "RF", "GRADIENT"):
        mode = Dataset()
        mode.OperatingModeType, mode.OperatingMode = kind, "IEC_NORMAL"
        modes.append(mode)
    timing.RepetitionTime, timing.FlipAngle = header.RepetitionTime, header.FlipAngle
    timing.EchoTrainLength = timing.RFEchoTrainLength = timing.GradientEchoTrainLength = 1
    timing.SpecificAbsorptionRateSequence, timing.OperatingModeSequence = [absorption], modes
    return timing


def _encode_space(header: Dataset, frame: Frame) -> Dataset:
    """MR FOV/Geometry, PS3.3 C.8.13.5.3: the whole k-space, phase encoding along the columns."""
    geometry = Dataset()
    geometry.InPlanePhaseEncodingDirection = "COLUMN"
    geometry.MRAcquisitionPhaseEncodingStepsInPlane, geometry.MRAcquisitionFrequencyEncodingSteps = (
        frame.pixels.shape
    )
    geometry.PercentSampling = geometry.PercentPhaseFieldOfView = "100"
    return geometry


def _modify(header: Dataset, technique: _Technique) -> Dataset:
    """MR Modifier, PS3.3 C.8.13.5.5."""
    modifier = Dataset()
    modifier.InversionRecovery = "YES" if "InversionTime" in header else "NO"
    if "InversionTime" in header:
        modifier.InversionTimes = float(header.InversionTime)
    modifier.FlowCompensation, modifier.Spoiling = "NONE", technique.spoiling
    modifier.T2Preparation, modifier.SpectrallySelectedExcitation = "NO", "NONE"
    modifier.SpatialPresaturation, modifier.PartialFourier = "NONE", "NO"
    modifier.ParallelAcquisition = "NO"
    if technique.flavour == "DIFFUSION":
        modifier.ParallelAcquisition, modifier.ParallelAcquisitionTechnique = "YES", "SENSE"
        modifier.ParallelReductionFactorInPlane = SENSE_FACTOR
        modifier.ParallelReductionFactorOutOfPlane = modifier.ParallelReductionFactorSecondInPlane = 1.0
    return modifier


def _modify_imaging(header: Dataset, technique: _Technique) -> Dataset:
    """MR Imaging Modifier, PS3.3 C.8.13.5.6."""
    modifier = Dataset()
    modifier.MagnetizationTransfer, modifier.BloodSignalNulling, modifier.Tagging = "NONE", "NO", "NONE"
    modifier.TransmitterFrequency = float(header.ImagingFrequency)
    modifier.PixelBandwidth = format_number_as_ds(technique.bandwidth)
    return modifier


def _describe_frame(image: Dataset, frame: Frame, b_values: list[float], technique: _Technique) -> Dataset:
    """Functional groups of one frame."""
    content, position, orientation, kind = (Dataset() for _ in range(4))
    content.FrameAcquisitionNumber, content.StackID = frame.stack, "1" if b_values else str(frame.stack)
    content.InStackPositionNumber = frame.place
    content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = image.AcquisitionDateTime
    content.FrameAcquisitionDuration = ACQUISITION_S
    content.DimensionIndexValues = [int(content.StackID), frame.place]
    position.ImagePositionPatient = [*map(format_number_as_ds, frame.position)]
    orientation.ImageOrientationPatient = [*map(format_number_as_ds, frame.orientation.ravel())]
    kind.FrameType = image.ImageType
    _describe_contrast(kind, technique)
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
