"""Real DICOM: a series of a folder of real data, and the examples that nibabel and pydicom bring along."""

import gzip
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from strokeclock.intake.dicom_convert import convert_stacks
from strokeclock.intake.dicom_files import Opened, Place
from strokeclock.intake.dicom_header import read_header
from strokeclock.intake.dicom_stacks import split_series

REAL = os.environ.get("STROKECLOCK_REAL_DATA")
EXAMPLES = Path(nib.__file__).parent / "nicom/tests/data"


def read(path):
    with open(path, "rb") as file:
        return read_header(Opened(Place(path), file, path.stat().st_size))


@pytest.mark.skipif(not REAL, reason="STROKECLOCK_REAL_DATA names no folder of real data")
def test_a_real_siemens_series(export, tools):
    """Eight files, b 0 and 1000 of one direction; no creator is left of the private elements."""
    found = export.find(Path(REAL) / "dicom")
    (dwi,) = (one for one in found if "dwi" in one.gives)
    assert (dwi.gives, dwi.b_value, dwi.name) == (("t2w", "dwi"), 1000, "series 8 DWI")
    assert dwi.faults == ("it is incomplete: 4 slices, 10 mm; a head needs at least 8 slices and 50 mm",)
    images = export.bring(dwi)
    files = sorted((Path(REAL) / "dicom/siemens-ep2d/001").iterdir())
    for column, own in (("t2w", files[:4]), ("dwi", files[4:])):
        for path in own:
            one = pydicom.dcmread(path)
            directions = np.array(one.ImageOrientationPatient, float).reshape(2, 3)
            for row, value in ((10, 20), (150, 60)):
                place = np.array(one.ImagePositionPatient) + 1.25 * (
                    value * directions[0] + row * directions[1]
                )
                there = np.linalg.solve(images[column].affine, [*(place * (-1, -1, 1)), 1])[:3]
                np.testing.assert_allclose(there, there.round(), atol=1e-3)
                at = tuple(there.round().astype(int))
                assert images[column].dataobj[at] == one.pixel_array[row, value]


needs_examples = pytest.mark.skipif(
    not (EXAMPLES / "siemens_dwi_1000.dcm.gz").is_file(), reason="nibabel has no examples of DICOM here"
)


@needs_examples
@pytest.mark.parametrize(("name", "b_value"), [("siemens_dwi_0", 0), ("siemens_dwi_1000", 1000)])
def test_a_mosaic_of_siemens(tmp_path, name, b_value):
    """Its values and place against nibabel's own reading of mosaics."""
    path = tmp_path / "mosaic.dcm"
    path.write_bytes(gzip.decompress((EXAMPLES / f"{name}.dcm.gz").read_bytes()))
    (part,) = split_series([read(path)])
    (stack,) = part.stacks
    assert (stack.shape, stack.b_value) == ((128, 128, 48), b_value)
    (converted,) = convert_stacks([stack], as_adc=False)
    assert converted.is_compared
    from nibabel.nicom.dicomwrappers import wrapper_from_file

    wrapper = wrapper_from_file(path)
    expected = np.asarray(wrapper.get_unscaled_data())  # (rows, columns, slices), LPS
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    swap = np.eye(4)[[1, 0, 2, 3]]
    motion = np.linalg.inv(to_ras @ wrapper.affine @ swap) @ converted.affine
    orientation = nib.io_orientation(motion)
    np.testing.assert_array_equal(
        nib.apply_orientation(converted.data, orientation), expected.transpose(1, 0, 2)
    )
    back = nib.orientations.inv_ornt_aff(orientation, converted.data.shape)
    np.testing.assert_allclose(motion @ back, np.eye(4), atol=1e-3)


@needs_examples
def test_an_enhanced_file_of_philips(tmp_path):
    path = tmp_path / "enhanced.dcm"
    path.write_bytes(gzip.decompress((EXAMPLES / "philips_mprage.dcm.gz").read_bytes()))
    (part,) = split_series([read(path)])
    (stack,) = part.stacks
    (converted,) = convert_stacks([stack], as_adc=False)
    assert converted.is_compared
    image = pydicom.dcmread(path)
    frame = image.PerFrameFunctionalGroupsSequence[100]
    position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient) * (-1, -1, 1)
    at = np.linalg.solve(converted.affine, [*position, 1])[:3]
    np.testing.assert_allclose(at, [0, 0, round(at[2])], atol=1e-3)
    assert (stack.shape, converted.data.shape) == ((256, 256, 176), (256, 256, 176))


@pytest.mark.parametrize("name", ["MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_compressed_images_are_those_of_the_plain_ones(tmp_path, name):
    """pydicom cannot read one of them here; dcm2niix reads both."""
    data = {}
    for file in ("MR_small.dcm", name):
        source = Path(pydicom.data.get_testdata_file(file, download=False))
        paths = []
        for place in range(3):
            image = pydicom.dcmread(source)
            image.ImagePositionPatient = [0.0, 0.0, 5.0 * place]
            image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            image.SOPInstanceUID, image.InstanceNumber = f"2.25.1.{place}", place + 1
            image.SliceLocation = 5.0 * place
            paths.append(tmp_path / f"{file}-{place}")
            image.save_as(paths[-1])
        (part,) = split_series([read(path) for path in paths])
        (data[file],) = convert_stacks(part.stacks, as_adc=False)
    np.testing.assert_array_equal(data[name].data, data["MR_small.dcm"].data)
    np.testing.assert_array_equal(data[name].affine, data["MR_small.dcm"].affine)
    shutil.rmtree(tmp_path)
