"""Files from outside: what is no NIfTI is named, and a header is never believed beyond its file."""

import bz2
import gzip
import io
import tracemalloc
import zipfile

import nibabel as nib
import numpy as np
import pytest

from strokeclock.errors import PatientError
from strokeclock.imaging import nifti_file
from strokeclock.imaging.volume import read_volume

SHAPE = (12, 11, 10)


def read(path, series="t2w"):
    return read_volume(path, patient="p1", series=series)


def reason(path, series="t2w"):
    with pytest.raises(PatientError) as caught:
        read(path, series)
    assert caught.value.patient == "p1"
    assert str(path.parent) not in caught.value.reason
    return caught.value.reason


def make(data=None, *, image_type=nib.Nifti1Image, **fields):
    """Bytes of a NIfTI file, with header fields overwritten afterwards."""
    if data is None:
        data = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)
    image = image_type(data, np.diag([2.0, 2, 2, 1]))
    image.set_sform(image.affine, code=1)
    content = bytearray(image.to_bytes())
    header = image_type.header_class.from_fileobj(io.BytesIO(content), check=False)
    for name, value in fields.items():
        header[name] = value
    size = header.structarr.nbytes
    content[:size] = header.structarr.tobytes()
    return bytes(content)


def dims(*shape):
    return [len(shape), *shape, *[1] * (7 - len(shape))]


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.nii", b"x" * 400)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; copy it again"),
        (b"\0" * 128 + b"DICM" + b"\0" * 400, "is a DICOM file; convert it with `strokeclock import`"),
        (b"ObjectType = Image\nNDims = 3\n", "is a MetaImage (.mha); convert it with `strokeclock import`"),
        (b"NRRD0004\ntype: short\n", "is an NRRD file; convert it with `strokeclock import`"),
        (b"\0\0\0\x01" + b"\0" * 400, "is an MGH file (.mgz); convert it with `strokeclock import`"),
        (gzip.compress(b"\0\0\0\x01" + b"\0" * 400, mtime=0), "is an MGH file (.mgz); convert it"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 400, "is a JPEG picture; export the series as NIfTI"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "is a PNG picture"),
        (b"%PDF-1.7" + b"\0" * 400, "is a PDF file"),
        (b"\n<!DOCTYPE html><html>404", "is a web page; download the file again"),
        (b"version https://git-lfs.github.com/spec/v1\n", "get the file with `git lfs pull`"),
        (b"/annex/objects/SHA256E-s1--a.nii.gz\n", "get the file with `datalad get`"),
        (zipped(), "is a zip archive; unpack it"),
        (bz2.compress(make()), "is a bzip2 file; unpack it"),
        (b"MATLAB 5.0 MAT-file" + b" " * 400, "is a MATLAB file"),
        (b"words " * 100, "is not a NIfTI file; convert it with `strokeclock import`"),
        (b"words", "is too short for an image"),
        (make()[:300], "is too short for an image"),
        (make()[:-1], "holds less than its header says"),
        (gzip.compress(make(), mtime=0)[:-9], "truncated or damaged; copy it again"),
        (gzip.compress(make(), mtime=0)[:-3], "truncated or damaged; copy it again"),
        (gzip.compress(make()[:-300], mtime=0), "truncated or damaged; copy it again"),
        (gzip.compress(make(), mtime=0)[:40] + b"\xff" * 400, "truncated or damaged; copy it again"),
        (make(magic=b"ni1"), "is the header of a pair of files (.hdr and .img); convert it"),
        (make(magic=b""), "is an Analyze header without orientation, so left and right are unknown"),
        (make(np.ones((*SHAPE, 2), np.float32)), "has shape (12, 11, 10, 2); give one three-dimensional"),
        (make(np.ones((40, 40), np.float32)), "has shape (40, 40"),
        (make(np.ones(SHAPE, np.complex64)), "holds complex numbers; export the magnitude"),
        (make(np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])), "holds colours (RGB)"),
        (make(datatype=1), "a kind that is not supported (datatype 1)"),
        (make(datatype=1536), "a kind that is not supported (datatype 1536)"),
        (make(datatype=777), "a kind that is not supported (datatype 777)"),
        (make(dim=dims(12, -11, 10)), "has impossible dimensions in its header (12×-11×10"),
        (make(dim=dims(12, 0, 10)), "has impossible dimensions"),
        (make(dim=[9, 12, 11, 10, 1, 1, 1, 1]), "has impossible dimensions"),
        (make(dim=dims(30000, 30000, 30000)), "claims 30000×30000×30000 voxels, more than any scan has"),
        (make(dim=dims(500, 500, 400)), "holds less than its header says"),
        (gzip.compress(make(dim=dims(500, 500, 400)), mtime=0), "holds less than its header says"),
        (make(vox_offset=1e9), "impossible place"),
        (make(vox_offset=np.nan), "impossible place"),
        (make() + b"\0" * 400_000, "holds more than its header says"),
        (gzip.compress(make() + b"\0" * 400_000, mtime=0), "holds more than its header says"),
        (make(scl_slope=-1.0), "negative scale factor (scl_slope -1): bright is dark"),
        (make(scl_slope=1.0, scl_inter=np.nan), "an offset that is not a number (scl_inter)"),
        (make(scl_slope=1.0, scl_inter=np.inf), "an offset that is not a number (scl_inter)"),
        (make(scl_slope=1.0, scl_inter=1e12), "values that differ too little for their size (about 1e+12)"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_remedy(tmp_path, content, words):
    path = tmp_path / "Jane Doe" / "b0.nii.gz"
    path.parent.mkdir()
    path.write_bytes(content)
    found = reason(path)
    assert found.startswith("t2w file b0.nii.gz ")
    assert words in found


def test_a_path_that_is_wrong_is_the_patients_and_a_failing_disk_is_not(tmp_path, monkeypatch):
    assert "correct the path" in reason(tmp_path / "none.nii.gz")
    assert "correct the path" in reason(tmp_path)
    path = tmp_path / "b0.nii"
    path.write_bytes(make())

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(nifti_file, "open", fail, raising=False)
    with pytest.raises(OSError, match="Input/output"):
        read(path)


@pytest.mark.parametrize("image_type", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "<u2", "<i4", "<u4", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_plain_number_is_read(tmp_path, image_type, dtype, pack):
    data = np.random.default_rng(1).integers(0, 120, SHAPE).astype(dtype)
    (tmp_path / "a.nii").write_bytes(pack(make(data, image_type=image_type)))
    np.testing.assert_array_equal(read(tmp_path / "a.nii").data, data.astype(np.float32))


def test_several_gzip_members_and_what_some_programs_append(tmp_path):
    content = make()
    packed = gzip.compress(content[:700]) + gzip.compress(content[700:]) + b"\0" * 512
    (tmp_path / "members.nii.gz").write_bytes(packed)
    (tmp_path / "padded.nii").write_bytes(content + b"\0" * 1000)
    (tmp_path / "plain.nii").write_bytes(content)
    expected = read(tmp_path / "plain.nii").data
    for name in ("members.nii.gz", "padded.nii"):
        np.testing.assert_array_equal(read(tmp_path / name).data, expected)


@pytest.mark.parametrize(
    ("slope", "intercept", "factor", "shift"),
    [(0, 7, 1, 0), (np.nan, 7, 1, 0), (0.5, 3, 0.5, 3), (2, -1, 2, -1)],
)
def test_slope_and_intercept(tmp_path, slope, intercept, factor, shift):
    data = np.arange(1, 1 + np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    (tmp_path / "a.nii").write_bytes(make(data, scl_slope=slope, scl_inter=intercept))
    np.testing.assert_allclose(read(tmp_path / "a.nii").data, data * factor + shift)


def test_a_gzip_bomb_is_refused_before_memory_is_taken(tmp_path):
    """30 MB of zeros in 30 kB behind a small image, and behind a header that claims 8 GB."""
    small, bomb = make(), b"\0" * 30_000_000
    for name, content in (
        ("small.nii.gz", small + bomb),
        ("large.nii.gz", make(dim=dims(500, 500, 500)) + bomb),
    ):
        (tmp_path / name).write_bytes(gzip.compress(content, 9))
    del bomb, content
    tracemalloc.start()
    for name in ("small.nii.gz", "large.nii.gz"):
        assert "holds" in reason(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
