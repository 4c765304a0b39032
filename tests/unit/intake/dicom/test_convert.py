"""What conversion must not let pass: another program's faults, scales that differ, series of equal worth."""

import sys
from copy import deepcopy

import dcm2niix
import numpy as np
import pydicom
import pytest

from strokeclock.errors import MissingSoftwareError, PatientError
from strokeclock.intake import dicom_convert

FAULTS = {  # what is done to what dcm2niix wrote -> the sentence
    "data[3, 4, 5] += 1": "it is converted to other values than it holds",
    "data = data[::-1].copy()": "it is converted to other values than it holds",
    "affine[0, 3] += 0.1": "it is converted to a place 0.10 mm from where its header puts it",
    "affine[:, 0] *= -1": "it is converted to a place",
    "data = data[..., :-1]": "it is converted to 14×16×7 voxels instead of 14×16×8",
    "data = np.stack([data, data], -1)": "it is converted to 2 volumes instead of one",
    "data = data.astype('f4')": "it is converted to something else than plain values",
    "shutil.copy(path, path.with_name('out_Eq_1.nii'))": "it is converted to 2 volumes instead of one",
    "path.unlink(); data = None": "it is converted to 0 volumes instead of one",
    "print('Warning: Interslice distance varies in this volume')": "it lacks slices, or they lie at unequal",
    "print('Warning: Missing images? Expected 7')": "it lacks slices, or they lie at unequal distances",
    "sys.exit(3)": "it cannot be converted \\(dcm2niix ends with code 3\\)",
}
FAKE = """#!{python}
import shutil, subprocess, sys
from pathlib import Path
import nibabel as nib, numpy as np
subprocess.run([{program!r}, *sys.argv[1:]], stdout=subprocess.DEVNULL)
(path,) = Path(sys.argv[sys.argv.index("-o") + 1]).glob("*.nii")
image = nib.load(path)
data, affine = np.array(image.dataobj), image.affine.copy()
{fault}
if data is not None:
    nib.save(nib.Nifti1Image(data, affine), path)
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_conversion_is_refused(export, tools, monkeypatch, fault):
    export.write()
    flair = tools.choose(export.find(), "FLAIR")
    program = export.root / "fake"
    program.write_text(FAKE.format(python=sys.executable, program=dcm2niix.bin, fault=fault))
    program.chmod(0o755)
    monkeypatch.setattr(dcm2niix, "bin", str(program))
    with pytest.raises(PatientError, match=FAULTS[fault]):
        export.bring(flair)
    assert not list(export.root.glob("out/*"))


def test_a_conversion_that_does_not_end_is_ended(export, tools, monkeypatch):
    export.write()
    flair = tools.choose(export.find(), "FLAIR")
    program = export.root / "fake"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(dcm2niix, "bin", str(program))
    monkeypatch.setattr(dicom_convert, "_SECONDS", 0.1)
    monkeypatch.setattr(dicom_convert, "_SECONDS_A_FILE", 0.0)
    with pytest.raises(PatientError, match="it took too long to convert"):
        export.bring(flair)


def test_without_dcm2niix_the_remedy_is_told(export, tools, monkeypatch):
    export.write()
    flair = tools.choose(export.find(), "FLAIR")
    monkeypatch.setattr(dcm2niix, "bin", str(export.root / "absent"))
    with pytest.raises(MissingSoftwareError, match="pip install"):
        export.bring(flair)


def rescale(slope, intercept, *, scale_slope=None, number=None):
    """Other pixels with the same meaning where Philips' scale slope is kept."""

    def alter(image):
        if number is None or image.SeriesNumber == number:
            image.RescaleSlope, image.RescaleIntercept = str(slope), str(intercept)
            if scale_slope is None:
                del image[0x2005, 0x100E]
            else:
                image[0x2005, 0x100E].value = scale_slope

    return alter


def test_of_philips_values_are_those_of_the_scale_slope(export, tools):
    """Displayed values of the b0 are doubled and shifted; those that can be compared are stored / slope."""
    stacks = export.write("Philips", one_dwi_series=False)
    export.change(rescale(2.5, -10, scale_slope=0.05, number=201))
    found = export.find()
    b0, dwi = tools.by_kind(found, "DWI")
    assert not b0.faults + dwi.faults
    image = export.bring(b0)["t2w"]
    values = np.sort(np.asarray(image.dataobj).ravel())
    stored = np.sort(stacks["t2w"].data.ravel()).astype(float)
    np.testing.assert_allclose(values, (stored * 2.5 - 10) / (2.5 * 0.05), rtol=1e-6)
    tools.assert_same(export.bring(dwi)["dwi"], stacks["dwi"], scale=80.0)


@pytest.mark.parametrize("slopes", [(2.5, 1), (1, 1)])
def test_b0_and_dwi_of_unknown_scales_are_refused(export, tools, slopes):
    export.write("Philips", one_dwi_series=False)
    for number, slope in zip((201, 301), slopes, strict=True):
        export.change(rescale(slope, 0, number=number))
    faults = [one.faults for one in tools.by_kind(export.find(), "DWI")]
    if slopes == (1, 1):
        assert faults == [(), ()]
    else:
        assert all("its scale cannot be compared" in fault[0] for fault in faults)


def test_one_series_with_images_on_different_scales_is_refused(export, tools):
    export.write("Philips")

    def alter(image):
        if image.get("DiffusionBValue"):
            del image[0x2005, 0x100E]

    export.change(alter)
    (dwi,) = tools.by_kind(export.find(), "DWI")
    assert dwi.faults == (
        "it has b0 and DWI on scales that are not known to each other: export it with all of its header",
    )


@pytest.mark.parametrize(("unit", "factor"), [("um2/s", 1), ("mm2/s", 1e6), ("10*-3.mm2/s", 1e3)])
def test_an_adc_is_in_the_unit_that_its_header_says(export, tools, unit, factor):
    export.write("Philips")
    slope = 0.9 / factor

    def alter(image):
        (mapping,) = image.RealWorldValueMappingSequence
        mapping.MeasurementUnitsCodeSequence[0].CodeValue = unit
        mapping.RealWorldValueSlope = slope
        image.RescaleSlope = "17"

    pixels = np.stack([image.pixel_array for image in export.images(only="dDWI")])
    export.change(alter, only="dDWI")
    image = export.bring(tools.choose(export.find(), "ADC"))["adc"]
    values = np.sort(np.asarray(image.dataobj).ravel())
    np.testing.assert_allclose(values, 0.9 * np.sort(pixels.ravel()), rtol=1e-6)


def test_an_adc_without_a_unit_is_as_displayed(export, tools):
    export.write("Philips")

    def alter(image):
        del image.RealWorldValueMappingSequence

    pixels = np.stack([image.pixel_array for image in export.images(only="dDWI")])
    export.change(alter, only="dDWI")
    image = export.bring(tools.choose(export.find(), "ADC"))["adc"]
    values = np.sort(np.asarray(image.dataobj).ravel())
    np.testing.assert_allclose(values, 0.9 * np.sort(pixels.ravel()), rtol=1e-6)


def copy_series(export, only, number, **values):
    """Copy a series under another number, with other values of its header."""
    for image in export.images(only=only):
        image.SeriesNumber, image.SeriesInstanceUID = number, f"2.25.{number}"
        image.SOPInstanceUID = f"2.25.{number}.{image.InstanceNumber}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        for name, value in values.items():
            setattr(image, name, value)
        image.save_as(export.folder / f"{number}-{image.InstanceNumber}")


def test_series_that_differ_are_left_to_a_person(export, tools):
    export.write()
    copy_series(export, "fluid", 9, EchoTime=140)
    copy_series(export, "fluid", 10, ImageType=["DERIVED", "SECONDARY", "MPR"])
    copy_series(export, "fluid", 11, SeriesDescription="FLAIR post KM")
    copy_series(export, "fluid", 12, ContrastBolusAgent="Gd")
    found = {one.name: one for one in tools.by_kind(export.find(), "FLAIR")}
    ranks = {name: one.rank for name, one in found.items() if not one.faults}
    assert ranks["series 4 FLAIR"] == ranks["series 9 FLAIR"] < ranks["series 10 FLAIR"]
    assert {name for name in found if name not in ranks} == {"series 11 FLAIR", "series 12 FLAIR"}
    assert found["series 11 FLAIR"].faults == (
        "it was taken after a contrast agent: give the FLAIR before it",
    )


def test_few_slices_and_a_low_flair_are_incomplete(export, tools):
    export.write()
    places = sorted(image.SliceLocation for image in export.images(only="fluid"))
    export.change(lambda image: image.SliceLocation < places[6], only="fluid")
    (flair,) = tools.by_kind(export.find(), "FLAIR")
    assert "it is incomplete: 6 slices, 39 mm; a head needs at least 8 slices and 50 mm" in flair.faults


def test_one_file_may_hold_images_of_several_kinds(export, tools):
    """b0, DWI and ADC as frames of one multi-frame file."""
    stacks = export.write("Philips", enhanced=True)
    paths = export.files()
    both, adc = (
        next(path for path in paths if pydicom.dcmread(path).SeriesNumber == number) for number in (201, 202)
    )
    image, other = pydicom.dcmread(both), pydicom.dcmread(adc)
    groups = [deepcopy(group) for group in other.PerFrameFunctionalGroupsSequence]
    for group in groups:
        mapping = other.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
        group.RealWorldValueMappingSequence = mapping
    image.PerFrameFunctionalGroupsSequence = [
        *groups[:4],
        *image.PerFrameFunctionalGroupsSequence,
        *groups[4:],
    ]
    size = len(other.PixelData) // 2
    image.PixelData = other.PixelData[:size] + image.PixelData + other.PixelData[size:]
    image.NumberOfFrames = 24
    image.save_as(both)
    adc.unlink()
    found = export.find()
    assert [one.name for one in found] == [
        "series 101 localizer", "series 201 DWI", "series 201 ADC", "series 301 FLAIR",
    ]  # fmt: skip
    images = export.bring(tools.choose(found, "DWI")) | export.bring(tools.choose(found, "ADC"))
    for column in ("t2w", "dwi"):
        tools.assert_same(images[column], stacks[column], scale=80.0)
    pixels = np.sort(np.frombuffer(other.PixelData, "<u2"))
    np.testing.assert_allclose(np.sort(np.asarray(images["adc"].dataobj).ravel()), 0.9 * pixels, rtol=1e-6)
