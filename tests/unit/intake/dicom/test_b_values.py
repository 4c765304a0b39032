"""b-values wherever vendors put them, alone: the standard's element is taken out."""

import struct

import nibabel as nib
import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from strokeclock.intake.dicom_private import find_private, read_numbers, read_weighting

WORDS = {"Siemens": "TRACEW", "Philips": "DWI_SSh", "GE": "1000b"}


def private(group, creator, element, vr, value, *, block=0x10):
    header = Dataset()
    if creator:
        header.add_new((group, block), "LO", creator)
    header.add_new((group, (block << 8) + element), vr, value)
    return header


SIEMENS = (0x0019, "SIEMENS MR HEADER", 0x0C)
PHILIPS = (0x2001, "Philips Imaging DD 001", 0x03)
GE = (0x0043, "GEMS_PARM_01", 0x39)
UIH = (0x0065, "Image Private Header", 0x09)


@pytest.mark.parametrize(
    ("vendor", "place", "vr", "value"),
    [
        ("Siemens", SIEMENS, "IS", "1000"),
        ("Siemens", SIEMENS, "UN", b"1000"),
        ("Siemens", SIEMENS, "UN", b"1000 "),
        ("Philips", PHILIPS, "FL", 1000.0),
        ("Philips", PHILIPS, "UN", struct.pack("<f", 1000)),
        ("GE", GE, "IS", [1_000_001_000, 8, 0, 0]),
        ("GE", GE, "IS", ["1000001000", "8", "0", "0"]),
        ("GE", GE, "IS", [1000, 8, 0, 0]),
        ("GE", GE, "UN", b"1000001000\\8\\0\\0"),
        ("GE", GE, "LO", "1000001000\\8\\0\\0"),
        ("United Imaging", UIH, "FD", 1000.0),
        ("United Imaging", UIH, "UN", struct.pack("<d", 1000)),
    ],
)
@pytest.mark.parametrize("block", [0x10, 0x11, 0x23])
def test_private_elements_of_any_type_in_any_block(vendor, place, vr, value, block):
    group, creator, element = place
    header = private(group, creator, element, vr, value, block=block)
    for known in (vendor, None, "other"):
        weighting = read_weighting(header, known)
        assert (weighting.b_value, weighting.told) == (1000.0, True)


def test_another_makers_block_is_not_read():
    header = private(0x0019, "SOMEBODY ELSE", 0x0C, "IS", "1000")
    assert find_private(header, *SIEMENS) is None
    assert read_weighting(header, "Siemens").b_value is None


def test_the_usual_block_is_read_where_all_creators_are_lost():
    header = private(0x0019, "", 0x0C, "IS", "1000")
    assert read_weighting(header, "Siemens").b_value == 1000
    assert read_weighting(header, "GE").b_value is None


def test_the_standards_element_comes_first_and_has_any_type():
    header = private(*PHILIPS, "FL", 500.0)
    header.DiffusionBValue = 1000.0
    assert read_weighting(header, "Philips").b_value == 1000
    del header.DiffusionBValue
    header[0x0018, 0x9087] = DataElement((0x0018, 0x9087), "UN", struct.pack("<d", 800))
    assert read_weighting(header, "Philips").b_value == 800


@pytest.mark.parametrize("vendor", ["Philips", "GE"])
def test_a_zero_tells_no_diffusion_image(vendor):
    """Philips and GE write it into all images."""
    header = private(*{"Philips": PHILIPS, "GE": GE}[vendor], "IS" if vendor == "GE" else "FL", 0)
    weighting = read_weighting(header, vendor)
    assert (weighting.b_value, weighting.told) == (0, False)


@pytest.mark.parametrize(
    ("name", "b_value", "isotropic"),
    [
        ("*ep_b1000t", 1000, True),
        ("ep_b0", 0, None),
        ("*ep_b1000#2", 1000, None),
        ("*tirB3d1_18", None, None),
    ],
)
def test_siemens_sequence_names_say_the_b_value(name, b_value, isotropic):
    header = Dataset()
    header.SequenceName = name
    assert read_weighting(header, "Siemens")[:2] == (b_value, isotropic)


def test_canon_says_it_in_a_comment():
    header = Dataset()
    header.ImageComments = "b=1000(0.35,-0.72,0.61)"
    assert read_weighting(header, "Canon").b_value == 1000
    assert read_weighting(header, "GE").b_value is None


@pytest.mark.parametrize(
    ("directionality", "isotropic"), [("ISOTROPIC", True), ("DIRECTIONAL", False), ("NONE", None)]
)
def test_the_standard_says_what_is_a_trace(directionality, isotropic):
    item = Dataset()
    item.DiffusionBValue, item.DiffusionDirectionality = 1000.0, directionality
    assert read_weighting(Dataset(), "Philips", item).isotropic is isotropic


def test_directions_stand_in_the_standards_place_and_in_vendors():
    gradient, item = Dataset(), Dataset()
    gradient.DiffusionGradientOrientation = [0.0, 0.6, 0.8]
    item.DiffusionGradientDirectionSequence = Sequence([gradient])
    assert read_weighting(Dataset(), "Philips", item).direction == (0, 0.6, 0.8)
    header = private(0x0019, "SIEMENS MR HEADER", 0x0E, "UN", struct.pack("<3d", 0.6, 0, 0.8))
    assert read_weighting(header, "Siemens").direction == (0.6, 0, 0.8)


@pytest.mark.parametrize("value", [None, b"\xff\xfe", "none", "", [1, "x"], float("nan"), b"nan", "inf"])
def test_what_is_no_number_is_none(value):
    assert read_numbers(value) == []
    assert read_weighting(private(*SIEMENS, "UN", value if isinstance(value, bytes) else b""), "Siemens")


def strip_standard(image):
    """As of older systems: the standard's elements are taken out, and private ones moved to another block."""
    for name in ("DiffusionBValue", "DiffusionDirectionality", "SequenceName"):
        if name in image:
            delattr(image, name)
    for group, old in ((0x0019, 0x10), (0x2001, 0x10), (0x0043, 0x10)):
        creator = image.get((group, old))
        if creator is not None:
            moved = [one for one in image if one.tag.group == group]
            for one in moved:
                del image[one.tag]
                element = (one.tag.element & 0xFF) + (0x1200 if one.tag.element > 0xFF else 2)
                image.add_new((group, element), one.VR, one.value)


@pytest.mark.parametrize("vendor", WORDS)
def test_a_series_with_b_values_in_private_elements_alone_is_brought(export, tools, vendor):
    stacks = export.write(vendor)
    export.change(strip_standard)
    (dwi,) = tools.by_kind(export.find(), "DWI")
    assert (dwi.gives, dwi.b_value, dwi.faults) == (("t2w", "dwi"), 1000, ())
    scale = 80.0 if vendor == "Philips" else 1.0
    for column, image in export.bring(dwi).items():
        tools.assert_same(image, stacks[column], scale=scale)


def remove_all(image):
    for name in ("DiffusionBValue", "DiffusionDirectionality"):
        if name in image:
            delattr(image, name)
    for one in [one for one in image if one.tag.group in (0x0019, 0x0043, 0x2001)]:
        del image[one.tag]


@pytest.mark.parametrize("vendor", ["Siemens", "GE"])
def test_a_series_without_b_values_is_refused(export, tools, vendor):
    export.write(vendor)
    export.change(remove_all)
    (dwi,) = tools.by_kind(export.find(), "DWI")
    assert dwi.faults == ("it holds 2 volumes and gives no b-values: export it with all of its header",)


def test_single_volumes_without_b_values_are_told_by_their_description(export, tools):
    stacks = export.write("GE", one_dwi_series=False)
    export.change(remove_all)
    b0, dwi = tools.by_kind(export.find(), "DWI")
    assert (b0.gives, b0.faults, dwi.gives, dwi.b_value, dwi.faults) == (("t2w",), (), ("dwi",), 1000, ())
    tools.assert_same(export.bring(dwi)["dwi"], stacks["dwi"])
    tools.assert_same(export.bring(b0)["t2w"], stacks["t2w"])


def test_a_trace_of_unknown_b_value_is_brought_without_one(export, tools):
    stacks = export.write("Siemens", one_dwi_series=False)
    export.change(remove_all)
    b0, dwi = tools.by_kind(export.find(), "DWI")
    assert (dwi.gives, dwi.b_value, dwi.faults) == (("dwi",), None, ())
    assert "DiffusionBValue" not in dwi.facts
    assert b0.faults == ("it does not say its b-value: choose by hand whether it is b0 (t2w) or dwi",)
    path = export.root / "out/t2w.nii.gz"
    b0.bring({"t2w": path})  # a person's choice
    tools.assert_same(nib.load(path), stacks["t2w"])
    assert "DiffusionBValue" not in path.with_name("t2w.json").read_text()


def test_canon_leaves_b0_out(export, tools):
    stacks = export.write("GE")

    def make_canon(image):
        b_value = image[0x0043, 0x1039].value[0] - 1_000_000_000
        remove_all(image)
        image.Manufacturer = "CANON_MEC"
        if b_value:
            image.DiffusionBValue = float(b_value)

    export.change(make_canon, only="1000b")
    (dwi,) = tools.by_kind(export.find(), "DWI")
    assert (dwi.gives, dwi.faults) == (("t2w", "dwi"), ())
    tools.assert_same(export.bring(dwi)["t2w"], stacks["t2w"])
    export.change(lambda image: setattr(image, "Manufacturer", "GE MEDICAL SYSTEMS"), only="1000b")
    (dwi,) = tools.by_kind(export.find(), "DWI")
    assert dwi.faults == ("it gives b-values of some of its images only: send it again from the archive",)


@pytest.mark.parametrize("shell", [500, 2000, 3000])
def test_other_b_values_are_no_dwi(export, tools, shell):
    export.write("Philips", one_dwi_series=False)

    def weight(image):
        if image.get("DiffusionBValue"):
            image.DiffusionBValue = float(shell)

    export.change(weight)
    found = tools.by_kind(export.find(), "DWI")
    assert [one.gives for one in found] == [("t2w",), ("dwi",)]
    assert found[1].faults == (f"it has b {shell} s/mm² alone: give a series near b 1000",)


def scan_directions(export, vendor, *, isotropic):
    """Three directions in place of the trace; with `isotropic` it stays beside them. Returns their scans."""
    stacks = export.write(vendor)
    rng = np.random.default_rng(1)
    directions = np.eye(3)
    factors = rng.uniform(0.5, 1.5, (3, *export.shape))
    made, traces = [], set()
    for image in export.images(only={"Siemens": "TRACEW", "Philips": "DWI_SSh"}[vendor]):
        b_value = read_weighting(image, vendor).b_value
        if image.get("ImageType")[3:4] == ["ADC"] or not b_value:
            continue
        traces.add(image.SOPInstanceUID)
        place = int(image.InstanceNumber) - 1 - export.shape[2]
        for number, direction in enumerate(directions):
            one = image.copy()
            one.file_meta = image.file_meta.copy()
            pixels = (image.pixel_array * factors[number][:, :, place].T).astype(np.uint16)
            one.PixelData = pixels.tobytes()
            one.InstanceNumber = 100 * (number + 1) + place
            one.SOPInstanceUID = f"2.25.9.{one.InstanceNumber}"
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
            if vendor == "Siemens":
                one.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
                one[0x0019, 0x100D].value = "DIRECTIONAL"
                one.add_new((0x0019, 0x100E), "FD", [float(part) for part in direction])
            else:
                one.DiffusionDirectionality = "DIRECTIONAL"
                one[0x2001, 0x1004].value = "PMS"[number]
                one.DiffusionGradientOrientation = [float(part) for part in direction]
            one.save_as(export.folder / f"direction{one.InstanceNumber}")
            made.append((number, place, pixels))
    if not isotropic:
        export.change(lambda image: image.SOPInstanceUID not in traces)
    return stacks, made


@pytest.mark.parametrize("vendor", ["Siemens", "Philips"])
def test_directions_beside_an_isotropic_volume_are_left_out(export, tools, vendor):
    stacks, _ = scan_directions(export, vendor, isotropic=True)
    (dwi,) = (one for one in tools.by_kind(export.find(), "DWI") if "dwi" in one.gives)
    assert not dwi.faults
    images = export.bring(dwi)
    for column in ("t2w", "dwi"):
        tools.assert_same(images[column], stacks[column], scale=80.0 if vendor == "Philips" else 1.0)


@pytest.mark.parametrize("vendor", ["Siemens", "Philips"])
def test_of_directions_alone_the_geometric_mean_is_brought(export, tools, vendor):
    _, made = scan_directions(export, vendor, isotropic=False)
    (dwi,) = (one for one in tools.by_kind(export.find(), "DWI") if "dwi" in one.gives)
    assert (dwi.gives, dwi.faults, dwi.b_value) == (("t2w", "dwi"), (), 1000)
    expected = np.zeros((3, export.shape[1], export.shape[0], export.shape[2]))
    for number, place, pixels in made:
        expected[number, :, :, place] = pixels
    expected = np.exp(np.log(expected).mean(axis=0)).transpose(1, 0, 2)
    data = np.asarray(export.bring(dwi)["dwi"].dataobj) / (80.0 if vendor == "Philips" else 1.0)
    np.testing.assert_allclose(np.sort(data.ravel()), np.sort(expected.ravel()), rtol=1e-5)
