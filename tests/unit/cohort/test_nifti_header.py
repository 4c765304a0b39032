"""A header by its first bytes, against nibabel."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from strokeclock.cohort.nifti_header import parse_header, read_header

AFFINE = np.array([[-1.5, 0, 0, 80], [0, 1.25, 0.1, -90], [0, 0, 4, -30], [0, 0, 0, 1]])


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 3), (4, 3)])
def test_a_header_says_what_nibabel_says(tmp_path, kind, order, suffix, shape):
    header = kind.header_class(endianness=order)
    image = kind(np.zeros(shape, np.int16), AFFINE, header)
    path = tmp_path / f"a{suffix}"
    nib.save(image, path)
    found = read_header(path)
    assert found is not None
    assert found.shape == shape
    assert found.voxel_mm[: len(shape)] == pytest.approx(nib.load(path).header.get_zooms()[:3])


def test_an_axis_of_one_voxel_beyond_the_third_is_left_out():
    image = nib.Nifti1Image(np.zeros((5, 6, 7, 1), np.int16), AFFINE)
    assert parse_header(image.to_bytes()).shape == (5, 6, 7)


def test_images_on_one_grid_have_the_same_place_and_others_not():
    one, same, moved = (
        parse_header(nib.Nifti1Image(np.full((5, 6, 7), value, np.int16), affine).to_bytes())
        for value, affine in ((1, AFFINE), (2, AFFINE), (1, AFFINE + np.eye(4)[[3, 0, 0, 0]].T * 0.5))
    )
    assert one == same
    assert one != moved


@pytest.mark.parametrize(
    "content",
    [b"", b"\x5c", b"\x5c\x01\0\0", b"\x5c\x01\0\0" + bytes(400), b"no image at all", b"\x1f\x8b\x08",
     gzip.compress(b"no image", mtime=0), b"\x1f\x8bxxxxxxxxxxxxxxxxxxxxx"],
)  # fmt: skip
def test_what_is_no_nifti_has_no_header(content):
    assert parse_header(content) is None
