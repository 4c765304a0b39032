"""Finding files: any names and depth, archives, what is no DICOM, copies and damaged files."""

import os
import shutil
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
)

from strokeclock.intake.dicom import find_dicom
from strokeclock.intake.dicom_files import has_dicom


@pytest.fixture
def gives(export):
    """What is found in a source: name and columns of what is of use, without faults."""

    def look(source="export", *, notices=()):
        found = export.find(source, notices=notices)
        assert not any(one.faults for one in found), [one.faults for one in found]
        return {one.name: one.gives for one in found if one.gives}

    return look


WHOLE = {"series 2 DWI": ("t2w", "dwi"), "series 3 ADC": ("adc",), "series 4 FLAIR": ("flair",)}


def test_names_and_depth_do_not_matter(export, gives):
    export.write()
    for number, path in enumerate(export.files()):
        folder = (
            export.folder / ("Müller, Hans; geb. 1950 " * (number % 3)) / ("a/b/c/d/e/f/g" * (number % 2))
        )
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / ("x" + (".dcm", "", ".IMA;1", " ü,")[number % 4] + str(number)))
    assert gives() == WHOLE


def test_what_is_no_image_is_left_out(export, gives):
    export.write()
    folder, report = export.folder, export.images()[0]
    (folder / "notes.txt").write_text("x" * 500)
    (folder / ".empty").write_bytes(b"")
    (folder / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    (folder / "._IM0001").write_bytes(b"\0\x05\x16\x07" + bytes(500))
    (folder / "table.xlsx").write_bytes(b"PK\x03\x04" + bytes(500))
    (folder / "group8.bin").write_bytes(b"\x08\0\x05\0" + b"\xff" * 500)
    os.mkfifo(folder / "pipe")
    (folder / "lost").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    report.save_as(folder / "report")
    shutil.copy(pydicom.data.get_testdata_file("DICOMDIR"), folder / "DICOMDIR")
    assert gives() == WHOLE
    assert has_dicom(folder)


def test_linked_files_are_read(export, gives):
    """Data sets of git-annex are links."""
    export.write(folder="store")
    export.folder.mkdir()
    for number, path in enumerate(export.files("store")):
        (export.folder / f"{number}").symlink_to(path)
    assert gives() == WHOLE


def test_a_folder_without_dicom(tmp_path):
    (tmp_path / "a.txt").write_text("a" * 200)
    assert not has_dicom(tmp_path)
    assert not list(find_dicom(tmp_path))


def pack(path, files, *, prefix=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(files):
            archive.write(file, f"{prefix}DICOM/ü {number}")


def test_archives_are_read_and_brought(export, gives, tools):
    stacks = export.write()
    pack(export.root / "export.zip", export.files())
    assert gives("export.zip") == WHOLE
    found = export.find("export.zip")
    tools.assert_same(export.bring(tools.choose(found, "DWI"))["dwi"], stacks["dwi"])
    assert found[1].files[0].parts[-3:-1] == ("export.zip", "DICOM")


def test_nested_archives_are_read_and_brought(export, gives, tools):
    stacks = export.write()
    export.folder.rename(export.root / "plain")
    files = export.files("plain")
    pack(export.root / "first.zip", files[:30])
    pack(export.root / "second.zip", files[30:])
    export.folder.mkdir()
    with zipfile.ZipFile(export.folder / "both", "w") as archive:
        for name in ("first.zip", "second.zip"):
            archive.write(export.root / name, name)
    assert gives() == WHOLE
    found = export.find()
    for kind, column in (("DWI", "dwi"), ("FLAIR", "flair")):
        tools.assert_same(export.bring(tools.choose(found, kind))[column], stacks[column])


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a\\..\\..\\evil"])
def test_an_archive_that_leads_out_is_refused(export, gives, name):
    export.write()
    with zipfile.ZipFile(export.folder / "bad.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), export.files()[0].read_bytes())
    notice = "archive bad.zip holds paths that lead out of it: do not trust it, or unpack it by hand"
    assert gives(notices=[notice]) == WHOLE


def test_a_bomb_is_refused(export, gives):
    export.write()
    with zipfile.ZipFile(export.folder / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000_000))
        archive.filelist[0].file_size = 3 << 30
    size = (export.folder / "bad.zip").stat().st_size
    notice = f"archive bad.zip would unpack to 3 GiB, {(3 << 30) / size:.0f} times its size: do not trust it"
    assert gives(notices=[notice]) == WHOLE


def test_other_archives_are_named(export, gives):
    export.write()
    pack(export.folder / "broken.zip", export.files()[:3])
    content = (export.folder / "broken.zip").read_bytes()
    (export.folder / "broken.zip").write_bytes(content[: len(content) // 2])
    (export.folder / "old.tar.gz").write_bytes(b"\x1f\x8b" + bytes(200))
    notices = [
        "archive broken.zip is damaged: copy it again, or unpack it first",
        "file old.tar.gz is an archive that is not read: unpack it first",
    ]
    assert gives(notices=notices) == WHOLE


def test_copies_of_an_image_count_once(export, gives, tools):
    stacks = export.write()
    for path in export.files()[-12:]:
        shutil.copy(path, path.with_name(path.name + " copy"))
        image = pydicom.dcmread(path)
        image.InstitutionName = "Another"  # an archive adds to headers
        image.save_as(path.with_name(path.name + " again"))
    assert gives() == WHOLE
    tools.assert_same(export.bring(tools.choose(export.find(), "FLAIR"))["flair"], stacks["flair"])


@pytest.mark.parametrize("what", ["pixels", "place"])
def test_two_images_under_one_identifier_are_refused(export, tools, what):
    export.write()
    image = export.images(only="fluid")[2]
    if what == "pixels":
        image.PixelData = image.PixelData[2:] + b"\1\0"
    else:
        image.ImagePositionPatient = [1.0, 2.0, 3.0]
    image.save_as(export.folder / "other")
    (flair,) = tools.by_kind(export.find(), "FLAIR")
    assert flair.faults[0] == (
        "it holds two different images under one SOPInstanceUID: send it again from the archive"
    )


def test_one_image_under_two_patients_is_refused(export, tools):
    export.write()
    for image in export.images():
        image.PatientID, image.PatientName, image.StudyInstanceUID = "9", "Other^One", "2.25.4"
        image.save_as(export.folder / f"other {image.SOPInstanceUID[-12:]}")
    found = export.find()
    assert len({one.person for one in found}) == 2
    for one in found:
        fault = "it holds an image that is filed under another patient too: find out whose it is"
        assert one.faults == ((fault,) if one.gives else ())


def without_meta(image, path):
    pydicom.dcmwrite(
        path, pydicom.Dataset(image), implicit_vr=False, little_endian=True, enforce_file_format=False
    )


def implicit_without_meta(image, path):
    pydicom.dcmwrite(
        path, pydicom.Dataset(image), implicit_vr=True, little_endian=True, enforce_file_format=False
    )


def big_endian(image, path):
    image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    image.PixelData = np.frombuffer(image.PixelData, "<u2").astype(">u2").tobytes()
    pydicom.dcmwrite(path, image, implicit_vr=False, little_endian=False)


def deflated(image, path):
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    image.save_as(path)


def run_length(image, path):
    image.compress(RLELossless, generate_instance_uid=False)
    image.save_as(path)


@pytest.mark.parametrize("write", [without_meta, implicit_without_meta, big_endian, deflated, run_length])
@pytest.mark.parametrize("vendor", ["Siemens", "Philips"])
def test_files_of_any_encoding_are_brought(export, tools, vendor, write):
    stacks = export.write(vendor)
    for path in export.files():
        write(pydicom.dcmread(path), path)
    found = export.find()
    images = export.bring(tools.choose(found, "DWI")) | export.bring(tools.choose(found, "FLAIR"))
    assert export.notes == []
    for column in ("t2w", "dwi", "flair"):
        tools.assert_same(images[column], stacks[column], scale=80.0 if vendor == "Philips" else 1.0)


DAMAGED = "is damaged: send it again from the archive"


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_truncated_files_are_refused(export, tools, share):
    export.write()
    path = next(path for path in export.files() if pydicom.dcmread(path).SeriesNumber == 4)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    told = []
    found = list(find_dicom(export.folder, notice=told.append))
    faults = [fault for one in tools.by_kind(found, "FLAIR") for fault in one.faults]
    if share < 0.9:
        end = "is empty: copy it again if it is one of the images" if share < 0.1 else DAMAGED
        assert told == [f"file {path.name} {end}"]
        assert "it lacks 1 of the images that are numbered in it: send it again from the archive" in faults
    else:
        assert told == []
        assert "it is truncated: of 448 bytes of pixels it holds" in faults[0]
    assert tools.choose(found, "DWI")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"Rows": 60000, "Columns": 60000}, "claims 1 images of 60000×60000 pixels"),
        ({"Rows": 2048, "Columns": 2048}, "is truncated: of 8388608 bytes"),
        ({"NumberOfFrames": 100_000_000}, "claims 100000000 images"),
        ({"NumberOfFrames": 7}, "is truncated"),
        ({"BitsAllocated": 64}, "has 64 bits a pixel"),
        ({"Rows": 0}, "claims 1 images of 0×14 pixels"),
    ],
)
def test_claims_that_a_file_does_not_hold_are_refused(export, tools, claims, words):
    export.write()

    def claim(image):
        for name, value in claims.items():
            setattr(image, name, value)

    export.change(claim, only="fluid")
    found = export.find()
    flair = [one for one in found if one.name.startswith("series 4 ")]
    assert all(words in one.faults[0] for one in flair if one.gives)
    assert any(one.gives == ("flair",) for one in flair)
    assert tools.choose(found, "DWI")


def test_series_without_geometry_are_refused(export, tools):
    export.write()
    export.change(lambda image: delattr(image, "ImageOrientationPatient"), only="fluid")
    (flair,) = tools.by_kind(export.find(), "FLAIR")
    assert flair.faults == ("it does not say where its slices lie: send it again from the archive",)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("ImageType", ["DERIVED", "SECONDARY", "MIP"], "projection"),
        ("SamplesPerPixel", 3, "colour map"),
        ("Modality", "CT", "no MRI"),
        ("ContrastBolusAgent", "Gadovist", "FLAIR"),
        ("InversionTime", 900, "T1 FLAIR"),
        ("BurnedInAnnotation", "YES", "FLAIR"),
    ],
)
def test_a_flair_that_is_none_is_not_taken(export, tools, name, value, kind):
    export.write()

    def alter(image):
        setattr(image, name, value)
        if name == "SamplesPerPixel":
            image.PhotometricInterpretation, image.PlanarConfiguration = "RGB", 0
            image.BitsAllocated = image.BitsStored = 8
            image.HighBit = 7
            image.PixelData = bytes(3 * image.Rows * image.Columns)

    export.change(alter, only="fluid")
    found = [one for one in export.find() if one.name.startswith("series 4 ")]
    assert [one.name for one in found] == [f"series 4 {kind}"]
    assert found[0].faults or not found[0].gives
