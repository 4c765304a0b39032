"""Images are brought as they are where nothing must change, else converted; never with text."""

import gzip
import json
import os
import shutil
from functools import partial
from math import exp

import nibabel as nib
import numpy as np
import pytest

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import read_volume
from strokeclock.intake.bringing import bring_diffusion, bring_image
from strokeclock.intake.found import Bring

FACTS = {"Manufacturer": "SIEMENS", "EchoTime": 0.09, "PatientName": "Doe^Jane", "DiffusionBValue": 900}
NAME = b"Doe^Jane"


def bring(source, target, facts=FACTS):
    return bring_image(source, {"dwi": target}, person="p1", facts=facts)


def add_text(path, *, packed=True):
    """Plant a name in every text field, an extension and the gzip header of a NIfTI file."""
    image = nib.load(path)
    image = type(image)(np.asanyarray(image.dataobj), image.affine, image.header)
    for name in ("descrip", "aux_file", "db_name", "intent_name", "data_type"):
        if name in image.header:
            image.header[name] = NAME
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", NAME * 3))
    content = image.to_bytes()
    with open(path, "wb") as file:
        if packed:
            with gzip.GzipFile("Doe^Jane.nii", "wb", fileobj=file, mtime=1e9) as zipped:
                zipped.write(content)
        else:
            file.write(content)


def same_voxels(one, other):
    one, other = nib.load(one), nib.load(other)
    assert np.array_equal(np.asanyarray(one.dataobj), np.asanyarray(other.dataobj))
    assert np.array_equal(one.affine, other.affine)
    assert one.get_data_dtype() == other.get_data_dtype().newbyteorder(one.header.endianness)
    assert one.header.get_slope_inter() == other.header.get_slope_inter()
    for form in ("get_qform", "get_sform"):
        (first, code), (second, its_code) = (
            getattr(image.header, form)(coded=True) for image in (one, other)
        )
        assert code == its_code
        assert np.array_equal(first, second)


def test_a_file_without_text_is_linked_with_its_sidecar(tmp_path, make_scan):
    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    target = tmp_path / "out" / "p1" / "dwi.nii.gz"
    assert bring(source, target) == []
    assert target.samefile(source)
    assert not target.is_symlink()
    assert json.loads((target.parent / "dwi.json").read_text()) == {
        "Manufacturer": "Siemens",
        "EchoTime": 0.09,
        "DiffusionBValue": 900,
    }
    assert sorted(os.listdir(target.parent)) == ["dwi.json", "dwi.nii.gz"]
    assert bring(source, target) == []  # again
    assert bring(target, target) == []
    assert target.samefile(source)


@pytest.mark.parametrize(("name", "time"), [("Doe^Jane.nii", 0), ("", 1e9)])
def test_a_name_or_time_of_gzip_alone_is_removed(tmp_path, make_scan, name, time):
    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    content = gzip.decompress(source.read_bytes())
    with open(source, "wb") as file, gzip.GzipFile(name, "wb", fileobj=file, mtime=time) as zipped:
        zipped.write(content)
    target = tmp_path / "out" / "dwi.nii.gz"
    bring(source, target)
    assert not target.samefile(source)
    assert gzip.decompress(target.read_bytes()) == content
    assert target.read_bytes()[3:8] == bytes(5)  # neither name nor time


def test_a_link_to_a_file_is_followed(tmp_path, make_scan):
    source = make_scan().write_nifti(tmp_path / "annexed")
    source.write_bytes(gzip.compress(source.read_bytes(), mtime=0))
    (tmp_path / "s.nii.gz").symlink_to(source)
    bring(tmp_path / "s.nii.gz", tmp_path / "out.nii.gz")
    assert not (tmp_path / "out.nii.gz").is_symlink()
    assert (tmp_path / "out.nii.gz").samefile(source)


def test_where_links_are_not_allowed_the_file_is_copied(tmp_path, make_scan, monkeypatch):
    def refuse(*_):
        raise PermissionError

    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    monkeypatch.setattr(os, "link", refuse)
    bring(source, tmp_path / "out.nii.gz")
    assert not (tmp_path / "out.nii.gz").samefile(source)
    assert (tmp_path / "out.nii.gz").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("image_type", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("name", ["s.nii", "s.nii.gz"])
def test_text_is_taken_out_and_nothing_else(tmp_path, make_scan, image_type, big, name):
    source = make_scan(dtype="int16").write_nifti(tmp_path / name, big=big, image_type=image_type)
    image = nib.load(source)
    image.header.set_slope_inter(0.5, 7)
    nib.save(image, source)
    add_text(source, packed=name.endswith("gz"))
    assert NAME in source.read_bytes()
    target = tmp_path / "out.nii.gz"
    before = source.read_bytes()
    assert bring(source, target) == []
    assert source.read_bytes() == before
    same_voxels(source, target)
    written = target.read_bytes()
    assert b"Doe" not in written + gzip.decompress(written) + (tmp_path / "out.json").read_bytes()
    assert written[3:8] == b"\0\0\0\0\0"
    bring(target, tmp_path / "again.nii.gz")
    assert (tmp_path / "again.nii.gz").samefile(target)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("descrip", b"Time=180654"),
        ("aux_file", NAME),
        ("intent_p1", 1956.0),
        ("toffset", 312),
        ("cal_max", 99),
    ],
)
def test_one_field_is_enough_to_write_a_file_anew(tmp_path, make_scan, field, value):
    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    image = nib.load(source)
    image.header[field] = value
    source.write_bytes(gzip.compress(image.to_bytes(), mtime=0))
    bring(source, tmp_path / "out.nii.gz")
    assert not (tmp_path / "out.nii.gz").samefile(source)
    assert nib.load(tmp_path / "out.nii.gz").header[field].item() in (b"", 0)
    same_voxels(source, tmp_path / "out.nii.gz")


def test_what_hides_behind_the_voxels_is_not_brought(tmp_path, make_scan):
    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    content = gzip.decompress(source.read_bytes())
    for hidden in (
        gzip.compress(content + NAME, mtime=0),
        source.read_bytes() + gzip.compress(NAME, mtime=0),
    ):
        source.write_bytes(hidden)
        bring(source, tmp_path / "out.nii.gz")
        assert gzip.decompress((tmp_path / "out.nii.gz").read_bytes()) == content


def test_a_target_of_an_earlier_import_is_replaced_and_its_source_kept(tmp_path, make_scan):
    source, other = (make_scan().write_nifti(tmp_path / f"{name}.nii.gz") for name in "so")
    add_text(other)
    target = tmp_path / "out.nii.gz"
    bring(source, target)
    before = source.read_bytes()
    bring(other, target)
    assert not target.samefile(source)
    assert source.read_bytes() == before


def test_other_formats_are_converted_and_it_is_said(tmp_path, make_scan):
    scan = make_scan((30, 31, 9), "uint16")
    written = [
        (scan.write_mha(tmp_path / "s.mha"), "a MetaImage (.mha)"),
        (scan.write_nrrd(tmp_path / "s.nrrd"), "an NRRD file"),
    ]
    for source, what in written:
        assert bring(source, tmp_path / "out.nii.gz") == [f"converted to NIfTI: it was {what}"]
        volume = read_volume(tmp_path / "out.nii.gz", patient="p1", series="dwi")
        expected = nib.as_closest_canonical(nib.Nifti1Image(scan.data, scan.affine))
        assert np.array_equal(volume.data, expected.get_fdata())
        assert np.allclose(volume.affine, expected.affine, atol=1e-5)


def test_a_pair_becomes_one_file(tmp_path, make_scan):
    scan = make_scan()
    image = nib.Nifti1Pair(scan.data, scan.affine)
    image.set_sform(scan.affine, code=1)
    image.header["descrip"] = NAME
    nib.save(image, tmp_path / "s.hdr")
    for name in ("s.hdr", "s.img"):
        bring(tmp_path / name, tmp_path / "out.nii.gz")
        same_voxels(tmp_path / "s.hdr", tmp_path / "out.nii.gz")
        assert NAME not in gzip.decompress((tmp_path / "out.nii.gz").read_bytes())


def test_one_image_may_fill_several_columns(tmp_path, make_scan):
    source = make_scan().write_mha(tmp_path / "s.mha")
    columns = {"dwi": tmp_path / "dwi.nii.gz", "flair": tmp_path / "flair.nii.gz"}
    given: Bring = partial(bring_image, source, person="p1", facts={})
    assert len(given(columns)) == 1
    assert columns["dwi"].read_bytes() == columns["flair"].read_bytes()


@pytest.mark.parametrize("name", ["s.nii.gz", "s.mha"])
def test_several_volumes_are_refused_and_nothing_is_written(tmp_path, make_scan, name):
    scan = make_scan((5, 4, 3, 6))
    source = scan.write_mha(tmp_path / name) if name == "s.mha" else scan.write_nifti(tmp_path / name)
    with pytest.raises(PatientError) as caught:
        bring(source, tmp_path / "out" / "dwi.nii.gz")
    assert caught.value.reason == f"dwi file {name} holds 6 volumes; give one three-dimensional volume"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff" + bytes(400), b"words"])
def test_what_is_no_image_is_refused(tmp_path, content):
    (tmp_path / "s.nii.gz").write_bytes(content)
    with pytest.raises(PatientError, match=r"dwi file s\.nii\.gz is "):
        bring(tmp_path / "s.nii.gz", tmp_path / "out.nii.gz")


def series(make_scan, tmp_path, b_values, signals):
    scan = make_scan((4, 5, 6, len(b_values)))
    data = np.broadcast_to(np.float32(signals), scan.data.shape).copy()
    (tmp_path / "s.bval").write_text(" ".join(map(str, b_values)))
    return type(scan)(data, scan.affine)


def test_b0_and_trace_of_a_series(tmp_path, make_scan):
    scan = series(make_scan, tmp_path, [0, 800, 800, 800], [1000, 100, 200, 400])
    (tmp_path / "s.bvec").write_text("0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    columns = {name: tmp_path / f"{name}.nii.gz" for name in ("t2w", "dwi")}
    table = {"b_values": tmp_path / "s.bval", "directions": tmp_path / "s.bvec"}
    for source in (scan.write_nifti(tmp_path / "s.nii.gz"), scan.write_nrrd(tmp_path / "s.nrrd")):
        given: Bring = partial(bring_diffusion, source, person="p1", facts=FACTS, **table)
        assert given(columns) == ["the volumes were not aligned with one another: motion between them stays"]
        images = {name: nib.load(path) for name, path in columns.items()}
        assert np.allclose(images["t2w"].get_fdata(), 1000)
        assert np.allclose(images["dwi"].get_fdata(), 200)
        assert np.allclose(images["dwi"].affine, scan.affine, atol=1e-5)
    facts = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in columns}
    assert facts["t2w"] == {"Manufacturer": "Siemens", "EchoTime": 0.09, "DiffusionBValue": 0}
    assert facts["dwi"] == {"Manufacturer": "Siemens", "EchoTime": 0.09, "DiffusionBValue": 800}


def test_only_the_columns_that_are_asked_for(tmp_path, make_scan):
    source = series(make_scan, tmp_path, [0, 1000], [1000, 300]).write_nifti(tmp_path / "s.nii")
    bring_diffusion(source, {"dwi": tmp_path / "dwi.nii.gz"}, person="p1", facts={}, b_values=(0, 800))
    assert not (tmp_path / "t2w.nii.gz").exists()
    assert json.loads((tmp_path / "dwi.json").read_text()) == {"DiffusionBValue": 800}
    bring_diffusion(
        source, {"dwi": tmp_path / "dwi.nii.gz"}, person="p1", facts={}, b_values=(0, 800), to_b1000=True
    )
    assert json.loads((tmp_path / "dwi.json").read_text()) == {"DiffusionBValue": 1000}
    expected = 1000 * exp(np.log(0.3) * 1000 / 800)
    assert np.allclose(nib.load(tmp_path / "dwi.nii.gz").get_fdata(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("b_values", "words"),
    [
        ("0 1000 1000", "dwi file s.nii has 2 volumes, and 3 b-values are given; correct the b-values"),
        ("0 2000", "dwi file s.bval gives b-values of 0, 2000, none from 700 to 1300 s/mm²"),
        ("0 nan", "dwi file s.bval does not hold b-values"),
        (None, "dwi file s.bval is missing"),
        ((0, 2000), "dwi file s.nii gives b-values of 0, 2000"),
        ((0, 1000, 1000), "dwi file s.nii has 2 volumes, and 3 b-values are given"),
    ],
)
def test_b_values_that_do_not_fit_are_refused(tmp_path, make_scan, b_values, words):
    source = series(make_scan, tmp_path, [0, 1000], [1000, 300]).write_nifti(tmp_path / "s.nii")
    given = b_values
    if not isinstance(b_values, tuple):
        given = tmp_path / "s.bval"
        given.write_text(b_values) if b_values else given.unlink()
    with pytest.raises(PatientError) as caught:
        bring_diffusion(source, {"dwi": tmp_path / "d.nii.gz"}, person="p1", facts={}, b_values=given)
    assert caught.value.reason.startswith(words)
    assert not (tmp_path / "d.nii.gz").exists()


def test_directions_that_do_not_fit_are_refused(tmp_path, make_scan):
    source = series(make_scan, tmp_path, [0, 1000], [1000, 300]).write_nifti(tmp_path / "s.nii")
    (tmp_path / "s.bvec").write_text("words")
    options = {"person": "p1", "facts": {}, "b_values": (0, 1000)}
    with pytest.raises(PatientError, match=r"dwi file s\.bvec does not hold three rows of numbers"):
        bring_diffusion(source, {}, **options, directions=tmp_path / "s.bvec")
    with pytest.raises(PatientError, match="gives 2 b-values and 3 directions"):
        bring_diffusion(source, {}, **options, directions=np.eye(3))


def test_a_disk_that_is_full_is_not_the_patients_fault(tmp_path, make_scan, monkeypatch):
    def fill(*_):
        raise OSError(28, "No space left on device")

    source = make_scan().write_nifti(tmp_path / "s.nii.gz")
    monkeypatch.setattr(os, "link", fill)
    monkeypatch.setattr(shutil, "copyfile", fill)
    with pytest.raises(OSError, match="No space left"):
        bring(source, tmp_path / "out.nii.gz")
