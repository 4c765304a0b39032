"""Multi-frame studies against the tables of the DICOM standard, PS3.3 A.36.2 (Enhanced MR Image IOD)."""

import numpy as np
import pydicom
import pytest

from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.dicom import write_study
from strokeclock.phantom.study import Habits, Stack, list_series

# Modules, types 1, 2 and those of type 3 that a phantom has.
MODULES = {
    "patient": "PatientName PatientID PatientBirthDate PatientSex",
    "study": "StudyInstanceUID StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber "
    "StudyDescription PatientAge",
    "series": "Modality SeriesInstanceUID SeriesNumber SeriesDate SeriesTime SeriesDescription ProtocolName "
    "BodyPartExamined PatientPosition",
    "frame of reference": "FrameOfReferenceUID PositionReferenceIndicator",
    "equipment": "Manufacturer ManufacturerModelName DeviceSerialNumber SoftwareVersions InstitutionName "
    "InstitutionAddress StationName",
    "image pixel": "SamplesPerPixel PhotometricInterpretation Rows Columns BitsAllocated BitsStored HighBit "
    "PixelRepresentation PixelData",
    "functional groups": "SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence InstanceNumber "
    "ContentDate ContentTime NumberOfFrames",
    "dimensions": "DimensionOrganizationSequence DimensionIndexSequence",
    "acquisition context": "AcquisitionContextSequence",
    "MR image": "ImageType PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique "
    "ComplexImageComponent AcquisitionContrast AcquisitionNumber AcquisitionDateTime AcquisitionDuration "
    "ContentQualification ResonantNucleus KSpaceFiltering MagneticFieldStrength "
    "ApplicableSafetyStandardAgency BurnedInAnnotation LossyImageCompression PresentationLUTShape "
    "ImageComments",
    "SOP common": "SOPClassUID SOPInstanceUID SpecificCharacterSet",
}
PULSE_SEQUENCE = (
    "PulseSequenceName MRAcquisitionType EchoPulseSequence MultiPlanarExcitation PhaseContrast "
    "TimeOfFlightContrast SteadyStatePulseSequence EchoPlanarPulseSequence SaturationRecovery "
    "SpectrallySelectedSuppression OversamplingPhase GeometryOfKSpaceTraversal "
    "RectilinearPhaseEncodeReordering SegmentedKSpaceTraversal NumberOfKSpaceTrajectories"
)
SHARED = {
    "PixelMeasuresSequence": "PixelSpacing SliceThickness SpacingBetweenSlices",
    "PixelValueTransformationSequence": "RescaleSlope RescaleIntercept RescaleType",
    "FrameVOILUTSequence": "WindowCenter WindowWidth",
    "FrameAnatomySequence": "FrameLaterality AnatomicRegionSequence",
}
SHARED_BY_ORIGINALS = {
    "MRTimingAndRelatedParametersSequence": "RepetitionTime FlipAngle EchoTrainLength RFEchoTrainLength "
    "GradientEchoTrainLength SpecificAbsorptionRateSequence OperatingModeSequence",
    "MRFOVGeometrySequence": "InPlanePhaseEncodingDirection MRAcquisitionFrequencyEncodingSteps "
    "MRAcquisitionPhaseEncodingStepsInPlane PercentSampling PercentPhaseFieldOfView",
    "MREchoSequence": "EffectiveEchoTime",
    "MRModifierSequence": "InversionRecovery FlowCompensation Spoiling T2Preparation "
    "SpectrallySelectedExcitation SpatialPresaturation PartialFourier ParallelAcquisition",
    "MRImagingModifierSequence": "MagnetizationTransfer BloodSignalNulling Tagging TransmitterFrequency "
    "PixelBandwidth",
    "MRReceiveCoilSequence": "ReceiveCoilName ReceiveCoilManufacturerName ReceiveCoilType "
    "QuadratureReceiveCoil",
    "MRTransmitCoilSequence": "TransmitCoilName TransmitCoilManufacturerName TransmitCoilType",
    "MRAveragesSequence": "NumberOfAverages",
}
PER_FRAME = {
    "FrameContentSequence": "FrameAcquisitionNumber FrameReferenceDateTime FrameAcquisitionDateTime "
    "FrameAcquisitionDuration DimensionIndexValues StackID InStackPositionNumber",
    "PlanePositionSequence": "ImagePositionPatient",
    "PlaneOrientationSequence": "ImageOrientationPatient",
    "MRImageFrameTypeSequence": "FrameType PixelPresentation VolumetricProperties "
    "VolumeBasedCalculationTechnique ComplexImageComponent AcquisitionContrast",
}
KINDS = ("localizer", "dwi", "adc", "flair")
IMAGE_TYPES = {  # and AcquisitionContrast, C.8.13.3.1
    "localizer": (["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"], "UNKNOWN"),
    "dwi": (["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"], "DIFFUSION"),
    "adc": (["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], "DIFFUSION"),
    "flair": (["ORIGINAL", "PRIMARY", "FLUID_ATTENUATED", "NONE"], "FLUID_ATTENUATED"),
}
SHAPE = (12, 16, 5)


@pytest.fixture(scope="module")
def images(tmp_path_factory, laws):
    """Kind -> the image of a Philips study with b0 and b1000 in one series."""
    rng = np.random.default_rng(3)
    affine = np.diag((0.9, 1.1, 5.3, 1))
    scans = {
        "t2w": Stack(rng.integers(400, 900, SHAPE).astype(np.int16), affine, 0.0),
        "dwi": Stack(rng.integers(100, 400, SHAPE).astype(np.int16), affine, 1000.0),
        "flair": Stack(rng.integers(0, 700, SHAPE).astype(np.int16), affine),
    }
    record = draw_patient(1, seed=0, settings=laws | {"site": "philips-ge"})
    habits = Habits(one_dwi_series=True, repeated="nothing", folder_each=False, enhanced=True)
    folder = tmp_path_factory.mktemp("enhanced") / "study"
    files = write_study(folder, record, list_series(scans, habits), habits, seed=0)
    return dict(zip(KINDS, map(pydicom.dcmread, files.values()), strict=True))


def names_in(item):
    return {element.keyword for element in item if not element.tag.is_private}


def words(*texts):
    return {word for text in texts for word in text.split()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_has_the_attributes_of_its_modules_and_no_others(images, kind):
    expected = words(*MODULES.values())
    if kind != "adc":
        expected |= words(PULSE_SEQUENCE)
    if kind in ("dwi", "flair"):
        expected.add("MultipleSpinEcho")  # of spin echoes alone
    assert names_in(images[kind]) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_shared_groups_have_the_attributes_of_their_macros_and_no_others(images, kind):
    (shared,) = images[kind].SharedFunctionalGroupsSequence
    expected = {name: words(text) for name, text in SHARED.items()}
    if kind == "adc":
        expected["RealWorldValueMappingSequence"] = words(
            "LUTExplanation LUTLabel MeasurementUnitsCodeSequence RealWorldValueFirstValueMapped "
            "RealWorldValueLastValueMapped RealWorldValueIntercept RealWorldValueSlope"
        )
    else:
        expected |= {name: words(text) for name, text in SHARED_BY_ORIGINALS.items()}
    if kind == "dwi":
        expected["MRModifierSequence"] |= words(
            "ParallelAcquisitionTechnique ParallelReductionFactorInPlane ParallelReductionFactorOutOfPlane "
            "ParallelReductionFactorSecondInPlane"
        )
    if kind == "flair":
        expected["MRModifierSequence"].add("InversionTimes")
    assert {element.keyword: names_in(element.value[0]) for element in shared} == expected
    assert all(len(element.value) == 1 for element in shared)


@pytest.mark.parametrize("kind", KINDS)
def test_groups_of_a_frame_have_the_attributes_of_their_macros_and_no_others(images, kind):
    expected = {name: words(text) for name, text in PER_FRAME.items()}
    if kind == "dwi":
        expected["MRDiffusionSequence"] = words("DiffusionBValue DiffusionDirectionality")
    for group in images[kind].PerFrameFunctionalGroupsSequence:
        assert {element.keyword: names_in(element.value[0]) for element in group} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_types_and_contrasts_are_the_standards_terms(images, kind):
    image, (image_type, contrast) = images[kind], IMAGE_TYPES[kind]
    assert (list(image.ImageType), image.AcquisitionContrast) == (image_type, contrast)
    for group in image.PerFrameFunctionalGroupsSequence:
        (frame,) = group.MRImageFrameTypeSequence
        assert (list(frame.FrameType), frame.AcquisitionContrast) == (image_type, contrast)


@pytest.mark.parametrize("kind", KINDS)
def test_the_acquisition_context_is_empty(images, kind):
    assert len(images[kind].AcquisitionContextSequence) == 0


@pytest.mark.parametrize(
    ("kind", "echo", "planar", "traversal"),
    [
        ("localizer", "GRADIENT", "NO", "SINGLE"),
        ("dwi", "SPIN", "YES", "FULL"),
        ("flair", "SPIN", "NO", "SINGLE"),
    ],
)
def test_the_pulse_sequence_is_that_of_the_series(images, kind, echo, planar, traversal):
    image = images[kind]
    assert (image.EchoPulseSequence, image.EchoPlanarPulseSequence) == (echo, planar)
    assert image.SegmentedKSpaceTraversal == traversal
    (geometry,) = image.SharedFunctionalGroupsSequence[0].MRFOVGeometrySequence
    assert geometry.InPlanePhaseEncodingDirection == "COLUMN"
    assert geometry.MRAcquisitionPhaseEncodingStepsInPlane == image.Rows
    assert geometry.MRAcquisitionFrequencyEncodingSteps == image.Columns


@pytest.mark.parametrize("kind", ["dwi", "adc", "flair"])
def test_the_window_is_that_of_all_frames(images, kind):
    (window,) = images[kind].SharedFunctionalGroupsSequence[0].FrameVOILUTSequence
    brightest = int(np.percentile(images[kind].pixel_array, 99))
    assert (window.WindowCenter, window.WindowWidth) == (brightest // 2, brightest)
