"""What of a sidecar and of a NIfTI header may leave the source."""

import json
import math

import nibabel as nib
import numpy as np
import pytest

from strokeclock.cohort.sidecars import read_sidecar
from strokeclock.intake.privacy import KEPT, blank_header, is_blank, is_plain_gzip, keep, write_sidecar

NAME = "Doe^Jane"


def test_fields_of_known_kinds_are_kept_in_bids_units():
    content = {
        "NumberOfSlices": 30,
        "PixelSpacing": [0.9, 0.95],
        "SpacingBetweenSlices": 5.5,
        "SliceThickness": 5,
        "Manufacturer": "SIEMENS Healthineers",
        "MagneticFieldStrength": 2.89362,
        "RepetitionTime": 9000,  # ms, as DICOM and some BIDS sets have it
        "EchoTime": 0.089,
        "InversionTime": 2850.0,
        "FlipAngle": 90,
        "DiffusionBValue": 1000,
        "ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW", "ND"],
        "MRAcquisitionType": "2D",
        "SkullStripped": False,
    }
    assert keep(content) == {
        "Manufacturer": "Siemens",
        "MagneticFieldStrength": 2.89362,
        "RepetitionTime": 9.0,
        "EchoTime": 0.089,
        "InversionTime": 2.85,
        "FlipAngle": 90,
        "DiffusionBValue": 1000,
        "MRAcquisitionType": "2D",
        "ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION", "TRACEW", "ND"],
        "PixelSpacing": [0.9, 0.95],
        "SliceThickness": 5,
        "SpacingBetweenSlices": 5.5,
        "NumberOfSlices": 30,
        "SkullStripped": False,
    }
    assert list(keep(content)) == list(KEPT)


@pytest.mark.parametrize(
    "planted",
    [
        NAME,
        [NAME],
        [NAME, NAME],
        {"name": NAME},
        ["ORIGINAL", NAME],
        19560312,
        19560312.0,
        [19560312, 19560312],
    ],
)
def test_no_field_carries_a_name_or_a_number_that_is_no_measurement(planted):
    others = ("PatientName", "InstitutionName", "SeriesDescription", "AcquisitionTime", "DeviceSerialNumber")
    kept = json.dumps(keep(dict.fromkeys((*KEPT, *others), planted)))
    assert "Doe" not in kept
    assert "1956" not in kept


def test_manufacturer_is_the_vendor_alone():
    assert keep({"Manufacturer": f"GE MEDICAL {NAME}"}) == {"Manufacturer": "GE"}
    assert keep({"Manufacturer": NAME}) == {"Manufacturer": "other"}


@pytest.mark.parametrize("value", [None, True, math.nan, math.inf, -1, 10**400, "3", "", [], {}])
@pytest.mark.parametrize("name", ["EchoTime", "MagneticFieldStrength", "NumberOfSlices", "DiffusionBValue"])
def test_what_is_no_number_within_bounds_is_left_out(name, value):
    assert keep({name: value}) == {}


def test_times_of_zero_and_of_neither_unit_are_left_out():
    assert keep({"InversionTime": 0, "EchoTime": 2, "RepetitionTime": 90}) == {}


def test_a_number_keeps_six_digits():
    assert keep({"SliceThickness": 1.234567890123}) == {"SliceThickness": 1.23457}


def test_image_type_as_one_text():
    assert keep({"ImageType": f"derived\\secondary\\{NAME}\\adc"}) == {
        "ImageType": ["DERIVED", "SECONDARY", "ADC"]
    }


def test_written_sidecar_is_read_back(tmp_path):
    content = {
        "Manufacturer": "Philips Medical Systems",
        "EchoTime": 93,
        "RepetitionTime": 4.2,
        "Names": NAME,
    }
    path = write_sidecar(tmp_path / "flair.nii.gz", content)
    assert path == tmp_path / "flair.json"
    assert [file.name for file in tmp_path.iterdir()] == ["flair.json"]
    sidecar = read_sidecar(path)
    assert (sidecar.vendor, sidecar.te_ms, sidecar.tr_ms, sidecar.faults) == ("Philips", 93, 4200, ())
    write_sidecar(tmp_path / "flair.nii.gz", {})
    assert path.read_text() == "{}\n"


@pytest.mark.parametrize("header_type", [nib.Nifti1Header, nib.Nifti2Header])
@pytest.mark.parametrize("endianness", ["<", ">"])
def test_blank_header_keeps_place_and_values_alone(header_type, endianness):
    affine = nib.affines.from_matvec(np.diag([-2.0, 2.5, 6]), [90, -100, -40])
    header = header_type(endianness=endianness)
    header.set_data_shape((5, 6, 7))
    header.set_data_dtype(np.dtype(np.int16).newbyteorder(endianness))
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1)
    header.set_xyzt_units("mm", "sec")
    header["scl_slope"], header["scl_inter"] = 2.5, -3
    clean = blank_header(header)
    written = [
        name for name in ("descrip", "aux_file", "intent_name", "db_name", "data_type") if name in header
    ]
    assert len(written) == (5 if header_type is nib.Nifti1Header else 3)
    for name in written:
        header[name] = NAME
    for name in ("intent_p1", "intent_p2", "intent_p3", "cal_max", "toffset", "slice_duration"):
        header[name] = 312
    blank = blank_header(header)
    assert blank.binaryblock == clean.binaryblock
    assert NAME.encode() not in blank.binaryblock
    assert blank.endianness == "<"
    assert blank.get_data_shape() == (5, 6, 7)
    assert blank.get_data_dtype() == np.dtype("<i2")
    assert (float(blank["scl_slope"]), float(blank["scl_inter"])) == (2.5, -3)
    assert np.array_equal(blank.get_sform(coded=True)[0], affine)
    assert np.allclose(blank.get_qform(coded=True)[0], affine, atol=1e-5)
    assert blank.get_xyzt_units() == ("mm", "sec")
    assert blank["vox_offset"] == (352 if header_type is nib.Nifti1Header else 544)


@pytest.mark.parametrize(
    ("start", "plain"),
    [
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", True),
        (b"\x1f\x8b\x08\x08\0\0\0\0\0\x03Doe.nii\0", False),
        (b"\x1f\x8b\x08\0\x01\0\0\0\0\x03", False),
        (b"\x5c\x01\0\0\0\0\0\0\0\0", False),
    ],
)
def test_gzip_with_a_name_or_a_time_is_told(start, plain):
    assert is_plain_gzip(start) is plain


@pytest.mark.parametrize("header_type", [nib.Nifti1Header, nib.Nifti2Header])
def test_a_header_is_blank_where_blanking_changes_nothing(header_type):
    header = header_type()
    header.set_data_shape((5, 6, 7))
    header.set_sform(np.diag([-2.0, 2.5, 6, 1]), code=1)
    header = blank_header(header)
    assert is_blank(header)
    assert not is_blank(header.as_byteswapped())
    stored = header.binaryblock
    for at in range(len(stored)):
        changed = bytearray(stored)
        changed[at] ^= 1
        try:
            other = header_type(bytes(changed), check=False)
            expected = blank_header(other).binaryblock == other.binaryblock
        except Exception:  # sizeof_hdr, by which nibabel tells the byte order
            continue
        assert is_blank(other) == expected, at
