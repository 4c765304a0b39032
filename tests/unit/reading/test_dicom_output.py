"""Secondary Captures and SEG, read back by pydicom and arithmetic of their own."""

import gzip
import logging
import os
import re
import shutil
import socket
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from scipy.spatial import cKDTree

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import Volume
from strokeclock.intake.dicom import find_dicom
from strokeclock.intake.dicom_files import Opened, Place
from strokeclock.intake.dicom_header import read_header
from strokeclock.intake.dicom_stacks import split_series
from strokeclock.phantom.scanner import rotation
from strokeclock.reading.dicom_output import Origin, write_dicom, write_secondary_captures, write_segmentation
from strokeclock.reading.dicom_source import find_source

ORIGIN = Origin(model="demo 1.0", sha256="0123456789abcdef" * 4, made=datetime(2026, 3, 4, 5, 6, 7))
REAL = os.environ.get("STROKECLOCK_REAL_DATA")
EXAMPLES = Path(nib.__file__).parent / "nicom/tests/data"
TO_RAS = np.array([-1.0, -1.0, 1.0])


def find(series, dwi):
    return find_source(series.files, dwi, patient="one")


def outline(path, mask, affine, source, **more):
    told = {"algorithm": "segmentation network", "origin": ORIGIN, "patient": "one"} | more
    return write_segmentation(path, Volume(mask, affine), source, **told)


def draw(shape, seed=0):
    """A mask of scattered voxels, none in one slice of each axis."""
    mask = np.random.default_rng(seed).random(shape) < 0.2
    mask[2] = mask[:, 3] = mask[:, :, 1] = False
    return mask


def locate(seg):
    """World RAS+ mm of all voxels of a SEG (n, 3), by its own header."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    directions = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    pixels = seg.pixel_array.reshape(int(seg.NumberOfFrames), seg.Rows, seg.Columns)
    points = []
    for frame, group in zip(pixels, seg.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        row, column = np.nonzero(frame)
        points.append(
            corner + np.outer(column * columns_mm, directions[0]) + np.outer(row * rows_mm, directions[1])
        )
    return np.concatenate(points) * TO_RAS


def assert_same_places(seg, mask, affine):
    expected = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    there = locate(seg)
    assert there.shape == expected.shape
    distances, nearest = cKDTree(there).query(expected)
    assert len({*nearest}) == len(expected)
    assert distances.max() < 1e-3


def list_frames(image):
    """(position, pixels) of each frame of an image."""
    if "PerFrameFunctionalGroupsSequence" not in image:
        return [(np.array(image.ImagePositionPatient, float), image.pixel_array)]
    positions = [
        np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        for group in image.PerFrameFunctionalGroupsSequence
    ]
    return list(zip(positions, image.pixel_array, strict=True))


KINDS = [
    ("Siemens", {}),
    ("GE", {"one_dwi_series": False}),
    ("GE", {}),
    ("Philips", {}),
    ("Philips", {"enhanced": True}),
    ("Philips", {"enhanced": True, "one_dwi_series": False}),
]
ORDERS = [
    ("axial", ()),
    ("axial", (0,)),
    ("axial", (2,)),
    ("axial", (0, 1, 2)),
    ("sagittal", (2,)),
    ("coronal", (0, 2)),
]


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        *((kind, ORDERS[3]) for kind in KINDS),
        *((KINDS[number], order) for order in ORDERS for number in (0, 4)),
    ],
)
def test_every_voxel_has_its_place_and_its_image(study, tmp_path, kind, order):
    """A mask of all voxels above the median: read back, it covers the pixels above it of the b1000 images."""
    (vendor, habits), (plane, flipped) = kind, order
    study.write(vendor, plane=plane, flipped=flipped, **habits)
    series, dwi = study.find_dwi()
    mask = dwi.data > np.median(dwi.data)
    mask[mask.shape[0] // 2 :] &= draw(mask[mask.shape[0] // 2 :].shape)
    source = find(series, dwi)
    assert outline(tmp_path / "seg.dcm", mask, dwi.affine, source) == ""
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, dwi.affine)

    images = {str(image.SOPInstanceUID): image for image in map(pydicom.dcmread, study.files())}
    assert {one.ReferencedSOPInstanceUID for one in seg.SourceImageSequence} <= {*images}
    b1000 = read_b1000(images.values())
    threshold = np.median(np.concatenate([pixels.ravel() for pixels in b1000.values()]))
    for frame, group in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        (derivation,) = group.DerivationImageSequence
        (reference,) = derivation.SourceImageSequence
        image = images[reference.ReferencedSOPInstanceUID]
        assert reference.ReferencedSOPClassUID == image.SOPClassUID
        assert reference.SpatialLocationsPreserved == "YES"
        assert ("ReferencedFrameNumber" in reference) == (image.SOPClassUID == EnhancedMRImageStorage)
        position, pixels = list_frames(image)[int(reference.get("ReferencedFrameNumber", 1)) - 1]
        np.testing.assert_array_equal(group.PlanePositionSequence[0].ImagePositionPatient, position)
        np.testing.assert_array_equal(pixels, b1000[tuple(position)])
        assert not (frame & (pixels <= threshold)).any()
        assert frame.any()


def read_b1000(images):
    """Position -> pixels of the images whose values lie below those of b0 at the same place."""
    at = {}
    for image in images:
        if re.search("(?<!d)(DWI|diff.*_p2|diff.*TRACEW)(?!.*ADC)", image.SeriesDescription):
            for position, pixels in list_frames(image):
                at.setdefault(tuple(position), []).append(pixels)
    assert {len(pair) for pair in at.values()} == {2}
    return {place: min(pair, key=np.mean) for place, pair in at.items()}


@pytest.mark.parametrize(("vendor", "habits"), [KINDS[0], KINDS[4]])
def test_files_are_filed_under_the_study(study, tmp_path, vendor, habits):
    series, dwi = study.write(vendor, **habits).find_dwi()
    source = find(series, dwi)
    outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source)
    picture = np.random.default_rng(0).integers(0, 255, (31, 20, 3), dtype=np.uint8)
    paths = write_secondary_captures(tmp_path, [picture, picture[::-1]], source, origin=ORIGIN)
    origins = {str(image.SOPInstanceUID): image for image in map(pydicom.dcmread, study.files())}
    first = origins[series_uids(source)[0]]
    seg, *captures = (pydicom.dcmread(path) for path in (tmp_path / "seg.dcm", *paths))
    for image in (seg, *captures):
        for name in (
            *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
            *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "SpecificCharacterSet"),
        ):
            assert image[name].value == first[name].value
        assert image.SeriesDescription == "strokeclock: research use only"
        assert image.ContentQualification == "RESEARCH"
        assert image.SoftwareVersions[1] == "demo 1.0"
        assert (image.ContentDate, image.ContentTime) == ("20260304", "050607")
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert image.file_meta.MediaStorageSOPClassUID == image.SOPClassUID
        for name in ("InstitutionName", "StationName", "InstitutionAddress", "ProtocolName", "ImageComments"):
            assert name not in image
    own = {image.SeriesInstanceUID for image in (seg, *captures)}
    theirs = {image.SeriesInstanceUID for image in origins.values()}
    assert len(own) == 2
    assert not own & theirs
    assert not {seg.SeriesNumber, captures[0].SeriesNumber} & {one.SeriesNumber for one in origins.values()}

    assert seg.FrameOfReferenceUID == first.FrameOfReferenceUID
    (referenced,) = seg.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == first.SeriesInstanceUID
    told = [one.ReferencedSOPInstanceUID for one in referenced.ReferencedInstanceSequence]
    assert {*told} == {*series_uids(source)}
    assert len(told) == (1 if habits else dwi.shape[2])
    assert (seg.SegmentationType, seg.Modality) == ("BINARY", "SEG")
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "acute infarct, research use only"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "55641003"
    assert "segmentation network" in segment.SegmentAlgorithmName

    assert [image.SOPClassUID for image in captures] == [SecondaryCaptureImageStorage] * 2
    assert [image.InstanceNumber for image in captures] == [1, 2]
    assert len({image.SOPInstanceUID for image in captures}) == 2
    np.testing.assert_array_equal(captures[0].pixel_array, picture)
    np.testing.assert_array_equal(captures[1].pixel_array, picture[::-1])
    assert (captures[0].PhotometricInterpretation, captures[0].LossyImageCompression) == ("RGB", "00")
    assert (captures[0].BurnedInAnnotation, captures[0].Modality) == ("NO", "OT")


def series_uids(source):
    return [one.header.uid for one in source.stack.slices]


def test_the_same_reading_has_the_same_uids(study, tmp_path):
    series, dwi = study.write().find_dwi()
    source, mask = find(series, dwi), draw(dwi.shape)
    picture = np.zeros((8, 8, 3), np.uint8)
    other = mask.copy()
    other[0, 0, 0] = ~other[0, 0, 0]
    later = replace(ORIGIN, made=datetime(2027, 1, 1))
    for name, told, origin in (
        ("first", mask, ORIGIN),
        ("again", mask, ORIGIN),
        ("later", mask, later),
        ("other mask", other, ORIGIN),
        ("other model", mask, replace(ORIGIN, sha256="f" * 64)),
    ):
        outline(tmp_path / name / "seg.dcm", told, dwi.affine, source, origin=origin)
        write_secondary_captures(tmp_path / name, [picture], source, origin=origin)

    def uids(name, file):
        image = pydicom.dcmread(tmp_path / name / file)
        return image.SeriesInstanceUID, image.SOPInstanceUID

    for file in ("seg.dcm", "capture-1.dcm"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
        assert uids("first", file) == uids("later", file)
        assert not {*uids("first", file)} & {*uids("other model", file)}
    assert not {*uids("first", "seg.dcm")} & {*uids("other mask", "seg.dcm")}
    seg = pydicom.dcmread(tmp_path / "first/seg.dcm")
    every = {
        seg.SOPInstanceUID,
        seg.SeriesInstanceUID,
        seg.DimensionOrganizationSequence[0].DimensionOrganizationUID,
    }
    assert len(every) == 3
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in every)


def test_the_order_of_axes_does_not_matter(study, tmp_path):
    series, dwi = study.write().find_dwi()
    source, mask = find(series, dwi), draw(dwi.shape)
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    orientation = np.array([[1, -1], [2, 1], [0, -1]])
    turned = nib.orientations.apply_orientation(mask, orientation)
    affine = dwi.affine @ nib.orientations.inv_ornt_aff(orientation, mask.shape)
    again = find_source(series.files, Volume(turned, affine), patient="one")
    outline(tmp_path / "turned.dcm", turned, affine, again)
    assert (tmp_path / "seg.dcm").read_bytes() == (tmp_path / "turned.dcm").read_bytes()


def move(affine, shift):
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ shift
    return moved


@pytest.mark.parametrize("wrong", ["half a voxel", "a whole voxel", "turned", "other size", "a slice less"])
def test_a_mask_on_other_voxels_is_refused(study, tmp_path, wrong):
    series, dwi = study.write().find_dwi()
    source, mask, affine = find(series, dwi), draw(dwi.shape), dwi.affine
    if wrong == "half a voxel":
        affine = move(affine, (0.5, 0, 0))
    elif wrong == "a whole voxel":
        affine = move(affine, (0, 0, 1))
    elif wrong == "turned":
        affine = affine.copy()
        affine[:3, :3] = rotation(0, 0, 3) @ affine[:3, :3]
    elif wrong == "other size":
        affine = affine @ np.diag([1.05, 1, 1, 1])
    else:
        mask = mask[:, :, :-1]
    with pytest.raises(PatientError, match="voxels are not those of the DWI series' images"):
        outline(tmp_path / "seg.dcm", mask, affine, source)
    assert not (tmp_path / "seg.dcm").exists()
    other = find_source(series.files, Volume(mask, affine), patient="one")
    assert other.stack is None
    assert outline(tmp_path / "seg.dcm", mask, affine, other) == (
        "The lesion cannot be given as DICOM SEG: its series holds no images with the voxels of the DWI."
    )
    assert len(write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], other, origin=ORIGIN)) == 1


def test_an_empty_mask_gives_no_segmentation(study, tmp_path):
    series, dwi = study.write().find_dwi()
    said = outline(tmp_path / "seg.dcm", np.zeros(dwi.shape, bool), dwi.affine, find(series, dwi))
    assert said == "No DICOM SEG is written: there is no lesion to outline."
    assert not (tmp_path / "seg.dcm").exists()


@pytest.mark.parametrize(("vendor", "habits"), [KINDS[0], KINDS[4]])
def test_without_frame_of_reference_there_is_the_picture_alone(study, tmp_path, vendor, habits):
    study.write(vendor, **habits)

    def forget(image):
        del image.FrameOfReferenceUID

    series, dwi = study.change(forget).find_dwi()
    source = find(series, dwi)
    said = outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source)
    assert said == "The lesion cannot be given as DICOM SEG: its series has no FrameOfReferenceUID."
    assert not (tmp_path / "seg.dcm").exists()
    (path,) = write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    assert pydicom.dcmread(path).StudyInstanceUID == source.identity.StudyInstanceUID


def test_without_a_study_nothing_is_written(study):
    def forget(image):
        image.StudyInstanceUID = ""

    series, dwi = study.write().change(forget).find_dwi()
    with pytest.raises(PatientError, match="no StudyInstanceUID"):
        find(series, dwi)


NAMES = [
    ("ISO_IR 100", "Müller^Jörg", "Kopf nativ ß"),
    ("ISO_IR 192", "Ærøskøbing^Åse=山田^太郎", "Schädel – Übersicht"),
    ("ISO_IR 144", "Люкceмбypг", "Голова"),
    ("GB18030", "Wang^XiaoDong=王^小东", "头部"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "頭部"),
    (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "머리"),
    (None, "Nobody^Plain", "HEAD"),
]


@pytest.mark.parametrize(("charset", "name", "description"), NAMES, ids=lambda value: str(value)[:12])
def test_names_stay_as_they_are_written(study, tmp_path, charset, name, description):
    """The bytes of the source's text, whatever its character set."""

    def rename(image):
        del image.SpecificCharacterSet
        if charset:
            image.SpecificCharacterSet = charset
        image.PatientName, image.StudyDescription = name, description

    series, dwi = study.write().change(rename).find_dwi()
    written = {path.read_bytes() for path in series.files}
    encoded = raw_values(series.files[0])
    source = find(series, dwi)
    outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source, algorithm="Größe 山")
    origin = replace(ORIGIN, model="modèle 山")
    write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=origin)
    for file in ("seg.dcm", "capture-1.dcm"):
        assert raw_values(tmp_path / file) == encoded
        assert pydicom.dcmread(tmp_path / file).PatientName == name
    assert written == {path.read_bytes() for path in series.files}


@pytest.mark.parametrize("declared", [b"ISO_IR 192", b"UTF-8", b"ISO_IR 6"])
@pytest.mark.parametrize("implicit", [False, True])
def test_bytes_that_their_character_set_does_not_know(study, tmp_path, declared, implicit):
    """Latin-1 under a wrong name: the archive files by these bytes."""

    def rename(image):
        image.SpecificCharacterSet = "ISO_IR 100"
        image.PatientName, image.PatientID = "Müller^Jörg", "ÖD12"
        if implicit:
            image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    for path in study.write().change(rename).files():
        content = path.read_bytes().replace(b"ISO_IR 100", declared.ljust(10))
        path.write_bytes(content)
    series, dwi = study.find_dwi()
    source = find(series, dwi)
    outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source)
    write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    for file in ("seg.dcm", "capture-1.dcm"):
        image = pydicom.dcmread(tmp_path / file)
        values = [image.get_item(pydicom.tag.Tag(name)).value for name in ("PatientName", "PatientID")]
        assert [value.strip() for value in values] == [
            "Müller^Jörg".encode("latin-1"),
            "ÖD12".encode("latin-1"),
        ]


def raw_values(path):
    """Bytes of the text that names the patient and the study."""
    image = pydicom.dcmread(path)
    names = ("SpecificCharacterSet", "PatientName", "PatientID", "StudyDescription")
    tags = [pydicom.tag.Tag(name) for name in names]
    return [image.get_item(tag).value for tag in tags if tag in image and tag != tags[0]]


def test_a_header_that_breaks_the_rules_goes_back_as_it_is(study, tmp_path, caplog, recwarn):
    """Nor does any message repeat it."""

    def spoil(image):
        with pydicom.config.disable_value_validation():
            image.PatientName, image.PatientID = "no caret", "1" * 80
            image.PatientSex, image.PatientBirthDate = "male", "19700132"
            image.StudyTime, image.AccessionNumber = "25:99", "A" * 40
            del image.StudyID

    series, dwi = study.write().change(spoil).find_dwi()
    recwarn.clear()
    with caplog.at_level(logging.DEBUG):
        source = find(series, dwi)
        outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source)
        write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    assert not recwarn.list
    assert not caplog.text
    for file in ("seg.dcm", "capture-1.dcm"):
        image = pydicom.dcmread(tmp_path / file)
        tags = [
            pydicom.tag.Tag(name) for name in ("PatientID", "PatientSex", "PatientBirthDate", "StudyTime")
        ]
        told = [image.get_item(tag).value.decode().strip() for tag in tags]
        assert told == ["1" * 80, "male", "19700132", "25:99"]
        assert "StudyID" in image


def test_nothing_else_goes_back(study, tmp_path):
    series, dwi = study.write().find_dwi()
    source = find(series, dwi)
    outline(tmp_path / "out/seg.dcm", draw(dwi.shape), dwi.affine, source)
    write_secondary_captures(tmp_path / "out", [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    secrets = ["Phantom Hospital", "Phantom Street", "PHANTOM-STATION", str(tmp_path), study.folder.name]
    secrets += [socket.gethostname(), series.files[0].name, "phantom 0001", "ep2d_diff"]
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        assert b"PHANTOM-siemens-0-0001" in content or b"Phantom^0001" in content
        assert not [secret for secret in secrets if secret.encode() in content]


def test_lossy_images_stay_lossy(study, tmp_path):
    def compress(image):
        image.LossyImageCompression, image.LossyImageCompressionRatio = "01", "8"
        image.LossyImageCompressionMethod = "ISO_10918_1"

    series, dwi = study.write().change(compress).find_dwi()
    source = find(series, dwi)
    outline(tmp_path / "seg.dcm", draw(dwi.shape), dwi.affine, source)
    write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    for file in ("seg.dcm", "capture-1.dcm"):
        image = pydicom.dcmread(tmp_path / file)
        assert (image.LossyImageCompression, image.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
        assert image.LossyImageCompressionRatio == 8


@pytest.mark.parametrize("nested", [False, True])
def test_a_series_in_an_archive(study, tmp_path, nested):
    study.write()
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in study.files():
            file.write(path, f"DISC/{path.name}")
    if nested:
        archive, inner = tmp_path / "outer.zip", archive
        with zipfile.ZipFile(archive, "w") as file:
            file.write(inner, "parts/study.zip")
        inner.unlink()
    series, dwi = study.find_dwi(archive)
    source, mask = find(series, dwi), draw(dwi.shape)
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    assert_same_places(pydicom.dcmread(tmp_path / "seg.dcm"), mask, dwi.affine)
    archive.unlink()
    with pytest.raises(PatientError, match="can no longer be read"):
        find(series, dwi)


def test_all_is_written_at_once(study, tmp_path):
    series, dwi = study.write().find_dwi()
    mask = draw(dwi.shape)
    picture = np.zeros((6, 8, 3), np.uint8)
    told = {"pictures": [picture, picture], "dwi": dwi, "algorithm": "found on DWI", "origin": ORIGIN}
    lesion = Volume(mask.astype(np.float32), dwi.affine)
    assert write_dicom(tmp_path / "out", series.files, **told, lesion=lesion, patient="one") == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "capture-1.dcm",
        "capture-2.dcm",
        "segmentation.dcm",
    ]
    assert_same_places(pydicom.dcmread(tmp_path / "out/segmentation.dcm"), mask, dwi.affine)
    said = write_dicom(tmp_path / "none", series.files, **told, lesion=None, patient="one")
    assert said == ["No DICOM SEG is written: there is no lesion to outline."]
    assert len([*(tmp_path / "none").iterdir()]) == 2
    moved = Volume(mask, move(dwi.affine, (1, 0, 0)))
    with pytest.raises(PatientError, match="patient one: the lesion's voxels"):
        write_dicom(tmp_path / "moved", series.files, **told, lesion=moved, patient="one")
    assert len([*(tmp_path / "moved").iterdir()]) == 2


def test_what_is_written_is_no_series_for_an_import(study, tmp_path):
    """The archive sends the whole study again, with what was given back."""
    series, dwi = study.write().find_dwi()
    source, mask = find(series, dwi), draw(dwi.shape)
    before = [(one.name, one.gives) for one in find_dicom(study.folder)]
    outline(study.folder / "seg.dcm", mask, dwi.affine, source)
    write_secondary_captures(study.folder, [np.zeros((40, 40, 3), np.uint8)], source, origin=ORIGIN)
    after = [(one.name, one.gives) for one in find_dicom(study.folder)]
    assert [one for one in after if one[1]] == [one for one in before if one[1]]
    again, _ = study.find_dwi()
    assert again.files == series.files


def test_directions_and_rounded_headers(study, tmp_path):
    """Three gradient directions, cosines of three decimals, no SliceThickness: one image a slice."""
    study.write()
    made = []
    for path in study.files():
        image = pydicom.dcmread(path)
        if "TRACEW" not in image.SeriesDescription:
            continue
        image.ImageOrientationPatient = [round(float(one), 3) for one in image.ImageOrientationPatient]
        image.SliceThickness = None
        block = image.private_block(0x0019, "SIEMENS MR HEADER")
        if block[0x0C].value:
            block[0x0D].value = "DIRECTIONAL"
            image.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND"]
            for number, vector in enumerate(np.eye(3)):
                block.add_new(0x0E, "FD", [*vector])
                image.SOPInstanceUID = f"{image.SOPInstanceUID}"[:55] + f".{number}"
                image.InstanceNumber = 100 + len(made)
                made.append(path.with_name(f"{path.name}-{number}"))
                image.save_as(made[-1], enforce_file_format=True)
            path.unlink()
        else:
            image.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND"]
            image.save_as(path)
    series, dwi = study.find_dwi()
    assert {*made} < {*series.files}
    source, mask = find(series, dwi), draw(dwi.shape)
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, dwi.affine)
    assert len(seg.SourceImageSequence) == dwi.shape[2]
    assert source.stack.b_value == 1000


def test_a_series_with_a_few_images_of_another_kind(study, tmp_path):
    """Their numbers lack among those of the DWI, which is whole; one slice alone has no third axis."""
    for path in study.write().files():
        image = pydicom.dcmread(path)
        if "ADC" in image.SeriesDescription:
            if image.InstanceNumber > 2:
                path.unlink()
                continue
        elif "TRACEW" in image.SeriesDescription:
            dwi_series = image.SeriesInstanceUID
            image.InstanceNumber += 2
        image.save_as(path)
    for path in study.files():
        image = pydicom.dcmread(path)
        if "ADC" in image.SeriesDescription:
            image.SeriesInstanceUID = dwi_series
            image.save_as(path)
    series, dwi = study.find_dwi()
    source, mask = find(series, dwi), draw(dwi.shape)
    assert outline(tmp_path / "seg.dcm", mask, dwi.affine, source) == ""
    assert_same_places(pydicom.dcmread(tmp_path / "seg.dcm"), mask, dwi.affine)
    every = [path for path in study.files() if pydicom.dcmread(path).SeriesInstanceUID == dwi_series]
    assert len(every) == len(series.files) + 2
    for few in (every, [path for path in every if path not in series.files]):
        whole = find_source(few, dwi, patient="one")
        assert (whole.stack is not None) == (few is every)
    slice_alone = Volume(dwi.data[:, :, :1], dwi.affine)
    (first, _) = (path for path in every if path not in series.files)
    assert find_source([first], slice_alone, patient="one").stack is None


def test_a_volume_in_several_multiframe_files(study, tmp_path):
    """Every other frame lies in a second file."""
    _, dwi = study.write("Philips", enhanced=True).find_dwi()
    for path in study.files():
        image = pydicom.dcmread(path)
        if image.SeriesDescription != "DWI_SSh":
            continue
        pixels, groups = image.pixel_array, [*image.PerFrameFunctionalGroupsSequence]
        for half in (0, 1):
            image.PixelData = pixels[half::2].tobytes()
            image.PerFrameFunctionalGroupsSequence = groups[half::2]
            image.NumberOfFrames = len(groups[half::2])
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.{half + 1}"
            image.save_as(path.with_name(f"half-{half}"), enforce_file_format=True)
        path.unlink()
    (series,) = (one for one in find_dicom(study.folder) if "dwi" in one.gives)
    assert len(series.files) == 2
    source, mask = find(series, dwi), draw(dwi.shape)
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, dwi.affine)
    frames = {
        f"2.25.{half + 1}": list_frames(pydicom.dcmread(study.folder / f"half-{half}")) for half in (0, 1)
    }
    told = set()
    for group in seg.PerFrameFunctionalGroupsSequence:
        (one,) = group.DerivationImageSequence[0].SourceImageSequence
        position, _ = frames[one.ReferencedSOPInstanceUID][int(one.ReferencedFrameNumber) - 1]
        np.testing.assert_array_equal(group.PlanePositionSequence[0].ImagePositionPatient, position)
        told.add(one.ReferencedSOPInstanceUID)
    assert told == {"2.25.1", "2.25.2"}


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 1, 3), (6, 4, 3)])
def test_pictures_of_any_size(study, tmp_path, shape):
    """A file's elements have an even length; a SEG of a single voxel, too."""
    series, dwi = study.write().find_dwi()
    source = find(series, dwi)
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (path,) = write_secondary_captures(tmp_path, [picture], source, origin=ORIGIN)
    image = pydicom.dcmread(path)
    np.testing.assert_array_equal(image.pixel_array.reshape(shape), picture)
    assert len(image.PixelData) % 2 == 0
    mask = np.zeros(dwi.shape, bool)
    mask[3, 5, 7] = True
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert len(seg.PixelData) % 2 == 0
    assert_same_places(seg, mask, dwi.affine)


def test_without_a_dwi_another_series_tells_the_patient(study, tmp_path):
    files = [
        path for path in study.write().files() if "dark-fluid" in pydicom.dcmread(path).SeriesDescription
    ]
    source = find_source(files, None, patient="one")
    (path,) = write_secondary_captures(tmp_path, [np.zeros((4, 4, 3), np.uint8)], source, origin=ORIGIN)
    assert pydicom.dcmread(path).PatientID == pydicom.dcmread(files[0]).PatientID
    said = outline(tmp_path / "seg.dcm", np.ones((2, 2, 2), bool), np.eye(4), source)
    assert (
        said
        == "The lesion cannot be given as DICOM SEG: its series holds no images with the voxels of the DWI."
    )


def write_implicit(image, path):
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    image.save_as(path)


def write_big_endian(image, path):
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    image["PixelData"].value = image.pixel_array.astype(">u2").tobytes()
    pydicom.dcmwrite(path, image, implicit_vr=False, little_endian=False)


def write_deflated(image, path):
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    image.save_as(path)


def write_without_meta(image, path):
    del image.file_meta
    image.preamble = None
    image.save_as(path, implicit_vr=False, little_endian=True)


@pytest.mark.parametrize("write", [write_implicit, write_big_endian, write_deflated, write_without_meta])
def test_sources_in_every_encoding(study, tmp_path, write):
    for path in study.write().files():
        image = pydicom.dcmread(path)
        image.PatientName = "Müller^Jörg"
        write(image, path)
    series, dwi = study.find_dwi()
    source, mask = find(series, dwi), draw(dwi.shape)
    outline(tmp_path / "seg.dcm", mask, dwi.affine, source)
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, dwi.affine)
    assert seg.PatientName == "Müller^Jörg"


def read_example(path, copy):
    copy.write_bytes(gzip.decompress(path.read_bytes()))
    with copy.open("rb") as file:
        header = read_header(Opened(Place(copy), file, copy.stat().st_size))
    return split_series([header])


needs_examples = pytest.mark.skipif(
    not (EXAMPLES / "siemens_dwi_1000.dcm.gz").is_file(), reason="nibabel has no examples of DICOM here"
)


@needs_examples
def test_a_mosaic_of_siemens(tmp_path):
    """Its one image holds all slices: the SEG lies where nibabel puts them, and refers to no frame."""
    (part,) = read_example(EXAMPLES / "siemens_dwi_1000.dcm.gz", tmp_path / "mosaic.dcm")
    from nibabel.nicom.dicomwrappers import wrapper_from_file

    wrapper = wrapper_from_file(tmp_path / "mosaic.dcm")  # rows, columns, slices to LPS
    affine = np.diag([*TO_RAS, 1]) @ wrapper.affine
    mask = draw(wrapper.image_shape)
    source = find_source([tmp_path / "mosaic.dcm"], Volume(mask, affine), patient="one")
    assert source.stack is not None
    assert source.stack.shape == part.stacks[0].shape
    assert outline(tmp_path / "seg.dcm", mask, affine, source) == ""
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, affine)
    original = pydicom.dcmread(tmp_path / "mosaic.dcm")
    assert (seg.Rows, seg.Columns) == wrapper.image_shape[:2]
    assert [one.ReferencedSOPInstanceUID for one in seg.SourceImageSequence] == [original.SOPInstanceUID]
    assert not any(group.DerivationImageSequence for group in seg.PerFrameFunctionalGroupsSequence)


@needs_examples
def test_an_enhanced_file_of_philips(tmp_path):
    (part,) = read_example(EXAMPLES / "philips_mprage.dcm.gz", tmp_path / "enhanced.dcm")
    affine = part.stacks[0].affine
    mask = np.zeros(part.stacks[0].shape, bool)
    mask[20:30, 100:140, 90:93] = True
    source = find_source([tmp_path / "enhanced.dcm"], Volume(mask, affine), patient="one")
    assert outline(tmp_path / "seg.dcm", mask, affine, source) == ""
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, affine)
    frames = list_frames_of_header(tmp_path / "enhanced.dcm")
    for group in seg.PerFrameFunctionalGroupsSequence:
        number = int(group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber)
        np.testing.assert_array_equal(group.PlanePositionSequence[0].ImagePositionPatient, frames[number - 1])


def list_frames_of_header(path):
    image = pydicom.dcmread(path)
    return [
        np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        for group in image.PerFrameFunctionalGroupsSequence
    ]


@pytest.mark.skipif(not REAL, reason="STROKECLOCK_REAL_DATA names no folder of real data")
def test_a_real_siemens_series(study, tmp_path):
    """Eight images, b 0 and 1000 of one direction; whoever took the names out took the frame of reference."""
    study.folder.mkdir()
    for path in sorted((Path(REAL) / "dicom/siemens-ep2d/001").iterdir()):
        shutil.copyfile(path, study.folder / path.name)
    (series,) = (one for one in find_dicom(study.folder) if "dwi" in one.gives)
    series.bring({"dwi": tmp_path / "dwi.nii.gz"})
    dwi = nib.load(tmp_path / "dwi.nii.gz")
    values = np.asarray(dwi.dataobj)
    bright = np.percentile(values, 97)
    mask = values > bright
    source = find_source(series.files, Volume(mask, dwi.affine), patient="one")
    assert "no FrameOfReferenceUID" in outline(tmp_path / "seg.dcm", mask, dwi.affine, source)

    def name_place(image):
        image.FrameOfReferenceUID = "2.25.1"

    study.change(name_place)
    source = find_source(series.files, Volume(mask, dwi.affine), patient="one")
    assert outline(tmp_path / "seg.dcm", mask, dwi.affine, source) == ""
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert_same_places(seg, mask, dwi.affine)
    images = {str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, series.files)}
    for frame, group in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence, strict=True):
        (reference,) = group.DerivationImageSequence[0].SourceImageSequence
        pixels = images[reference.ReferencedSOPInstanceUID].pixel_array
        np.testing.assert_array_equal(frame.astype(bool), pixels > bright)
