"""What each vendor writes into DICOM: names of series, types of images, b-values, scaling of the ADC.

Conventions are those of dcm2niix's notes on the vendors and of the DICOM standard, PS3.3 C.7.6.16 (2026).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydicom.dataset import Dataset

from strokeclock.phantom.study import ADC_LARGEST, Kind

GE_B_OFFSET = 1_000_000_000  # added to b-values in (0043,1039)
GE_THREE_IN_ONE = 64  # (0021,105A): directions of clinical DWI; without it dcm2niix takes b-values for 0
PHILIPS_SCALE_SLOPE = 0.0125  # (2005,100E): stored values times this are those of other Philips series
PHILIPS_ADC_SLOPE = 0.9  # (0028,1053) of ADC maps: ADC = stored value · 0.9 · 1e-6 mm2/s


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One vendor's conventions.

    descriptions    kind of series -> SeriesDescription; that of b0 alone is under "b0"
    protocols       kind of series -> ProtocolName
    image_types     kind of series -> ImageType; that of b0 alone is under "b0"
    first_number, step, derived_step
                    SeriesNumber of the first acquired series, from one to the next, and of a derived one
                    (ADC) after the one that it is computed from
    add_b_value     (image, b in s/mm2): adds the tags that give the b-value of b0 or a trace image
    add_scale       (header, kind of series): adds the tags that say what stored values mean
    adc_slope       ADC in 1e-6 mm2/s that a stored value of 1 means
    signed          pixels are stored as signed numbers
    has_enhanced    newer systems write multi-frame files
    """

    descriptions: Mapping[str, str]
    protocols: Mapping[Kind, str]
    image_types: Mapping[str, tuple[str, ...]]
    first_number: int
    step: int
    derived_step: int
    add_b_value: Callable[[Dataset, float], None]
    add_scale: Callable[[Dataset, Kind], None]
    adc_slope: float
    signed: bool
    has_enhanced: bool


def _add_siemens(image: Dataset, b_value: float) -> None:
    block = image.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", round(b_value))
    block.add_new(0x0D, "CS", "ISOTROPIC" if b_value else "NONE")


def _add_philips(image: Dataset, b_value: float) -> None:
    image.DiffusionBValue = b_value
    image.DiffusionDirectionality = "ISOTROPIC" if b_value else "NONE"
    block = image.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", b_value)
    block.add_new(0x04, "CS", "I" if b_value else "N")


def _add_ge(image: Dataset, b_value: float) -> None:
    block = image.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x30, "SS", 15 if b_value else 14)  # 15: mean of three directions, 14: b0
    block.add_new(0x39, "IS", [GE_B_OFFSET + round(b_value), 8, 0, 0])
    block = image.private_block(0x0021, "GEMS_RELA_01", create=True)
    block.add_new(0x5A, "SL", GE_THREE_IN_ONE)


def _add_no_scale(header: Dataset, kind: Kind) -> None:
    """Siemens and GE: an ADC's stored values are 1e-6 mm2/s, and nothing says so."""


def _add_philips_scale(header: Dataset, kind: Kind) -> None:
    """Rescale for display, a scale slope between series, and for the ADC its value in the real world."""
    slope = PHILIPS_ADC_SLOPE if kind == "adc" else 1.0
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = f"{slope:g}", "0", "normalized"
    block = header.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "FL", PHILIPS_SCALE_SLOPE)
    if kind == "adc":
        header.RealWorldValueMappingSequence = [_map_real_world(slope)]


def _map_real_world(slope: float) -> Dataset:
    """Return an item of RealWorldValueMappingSequence: stored value · slope = ADC in um2/s, 1e-6 mm2/s."""
    unit = Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "um2/s", "UCUM", "um2/s"
    item = Dataset()
    item.LUTExplanation, item.LUTLabel = "ADC", "ADC"
    item.MeasurementUnitsCodeSequence = [unit]
    item.add_new("RealWorldValueFirstValueMapped", "US", 0)
    item.add_new("RealWorldValueLastValueMapped", "US", round(ADC_LARGEST / slope))
    item.RealWorldValueIntercept, item.RealWorldValueSlope = 0.0, slope
    return item


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "Siemens": Dialect(
            descriptions={
                "localizer": "localizer",
                "b0": "ep2d_diff_3scan_trace_p2",
                "dwi": "ep2d_diff_3scan_trace_p2_TRACEW",
                "adc": "ep2d_diff_3scan_trace_p2_ADC",
                "flair": "t2_tirm_tra_dark-fluid",
            },
            protocols={
                "localizer": "localizer",
                "dwi": "ep2d_diff_3scan_trace_p2",
                "adc": "ep2d_diff_3scan_trace_p2",
                "flair": "t2_tirm_tra_dark-fluid",
            },
            image_types={
                "localizer": ("ORIGINAL", "PRIMARY", "M", "ND"),
                "b0": ("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND"),
                "dwi": ("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"),
                "adc": ("DERIVED", "PRIMARY", "DIFFUSION", "ADC", "ND"),
                "flair": ("ORIGINAL", "PRIMARY", "M", "ND"),
            },
            first_number=1,
            step=1,
            derived_step=1,
            add_b_value=_add_siemens,
            add_scale=_add_no_scale,
            adc_slope=1.0,
            signed=False,
            has_enhanced=False,
        ),
        "Philips": Dialect(
            descriptions={
                "localizer": "Survey",
                "b0": "b0 DWI_SSh",
                "dwi": "DWI_SSh",
                "adc": "dDWI_SSh",
                "flair": "T2W_FLAIR_SPIR",
            },
            protocols={"localizer": "Survey", "dwi": "DWI_SSh", "adc": "DWI_SSh", "flair": "T2W_FLAIR_SPIR"},
            image_types={
                "localizer": ("ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"),
                "b0": ("ORIGINAL", "PRIMARY", "M_SE", "M", "SE"),
                "dwi": ("ORIGINAL", "PRIMARY", "M_SE", "M", "SE"),
                "adc": ("ORIGINAL", "PRIMARY", "ADC_UNSPECIFIED", "ADC", "UNSPECIFIED"),
                "flair": ("ORIGINAL", "PRIMARY", "M_IR", "M", "IR"),
            },
            first_number=101,
            step=100,
            derived_step=1,
            add_b_value=_add_philips,
            add_scale=_add_philips_scale,
            adc_slope=PHILIPS_ADC_SLOPE,
            signed=False,
            has_enhanced=True,
        ),
        "GE": Dialect(
            descriptions={
                "localizer": "3-Plane Loc",
                "b0": "Ax DWI b0",
                "dwi": "Ax DWI 1000b",
                "adc": "Apparent Diffusion Coefficient (mm2/s)",
                "flair": "Ax T2 FLAIR",
            },
            protocols={kind: "Stroke Protocol" for kind in ("localizer", "dwi", "adc", "flair")},
            image_types={
                "localizer": ("ORIGINAL", "PRIMARY", "OTHER"),
                "b0": ("ORIGINAL", "PRIMARY", "OTHER"),
                "dwi": ("ORIGINAL", "PRIMARY", "OTHER"),
                "adc": ("DERIVED", "SECONDARY", "PROCESSED"),
                "flair": ("ORIGINAL", "PRIMARY", "OTHER"),
            },
            first_number=1,
            step=1,
            derived_step=450,
            add_b_value=_add_ge,
            add_scale=_add_no_scale,
            adc_slope=1.0,
            signed=True,
            has_enhanced=False,
        ),
    }
)
