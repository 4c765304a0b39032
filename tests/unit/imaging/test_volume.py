"""Reading, checking and writing one volume, and the arithmetic between DWI, b0 and ADC."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import (
    Volume,
    adc_unit,
    compute_adc,
    derive_t2w,
    read_series,
    read_volume,
    write_volume,
)

SHAPE = (26, 24, 9)
AFFINE = np.array([[2.0, 0, 0, -7], [0, 2, 0, -9], [0, 0, 5, -20], [0, 0, 0, 1]])


@pytest.fixture
def data():
    """A smooth head between 10 and 200 that leans from slice to slice, with noise."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    smooth = np.exp(-2 * (x**2 + (y - 0.4 * z) ** 2) - 0.3 * (z + 0.5) ** 2)
    noise = np.random.default_rng(0).uniform(0, 4, SHAPE)
    return (10 + 180 * smooth + noise).astype(np.float32)


def save(path, data, *, sform=AFFINE, qform=None):
    """Store an image with exactly the given orientations; None sets the code to 0."""
    image = nib.Nifti1Image(data, None)
    for setter, affine in ((image.header.set_sform, sform), (image.header.set_qform, qform)):
        setter(affine, code=0 if affine is None else 1)
    nib.save(image, path)
    return path


def read(path, series="t2w"):
    return read_volume(path, patient="p1", series=series)


def mirrored(affine, data, axis):
    """The same volume stored with one axis running the other way."""
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, data.shape[axis] - 1
    return affine @ flip, np.flip(data, axis)


@pytest.mark.parametrize("axes", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_stored_axis_direction_does_not_matter(tmp_path, data, axes):
    expected = read(save(tmp_path / "ras.nii.gz", data))
    affine, stored = AFFINE, data
    for axis in axes:
        affine, stored = mirrored(affine, stored, axis)
    volume = read(save(tmp_path / "other.nii.gz", stored, sform=affine))
    assert np.array_equal(volume.data, expected.data)
    assert np.array_equal(volume.affine, expected.affine)


def test_stored_axis_order_does_not_matter(tmp_path, data):
    sagittal = read(save(tmp_path / "s.nii", data.transpose(1, 2, 0), sform=AFFINE[:, [1, 2, 0, 3]]))
    assert np.array_equal(sagittal.data, data)
    assert np.array_equal(sagittal.affine, AFFINE)


def test_oblique_keeps_every_voxel_where_it_is(tmp_path, data):
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = turn @ AFFINE
    volume = read(save(tmp_path / "o.nii", data, sform=affine))
    index = np.array([2, 3, 4, 1])
    here = np.rint(np.linalg.inv(volume.affine) @ affine @ index).astype(int)
    assert volume.data[tuple(here[:3])] == data[2, 3, 4]
    assert (np.diag(volume.affine)[:3] > 0).all()


@pytest.mark.parametrize("keep", [1, 200, -1000, -6])
def test_truncated_gz_is_refused(tmp_path, data, keep):
    path = save(tmp_path / "dwi.nii.gz", data)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PatientError, match=r"p1: t2w file dwi.nii.gz .*copy it again"):
        read(path)


def test_truncated_gz_names_the_remedy(tmp_path, data):
    path = save(tmp_path / "dwi.nii.gz", data)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(PatientError, match="copy it again"):
        read(path)


def test_truncated_inside_a_whole_gz_is_refused(tmp_path, data):
    path = save(tmp_path / "dwi.nii.gz", data)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-40]))
    with pytest.raises(PatientError, match="truncated"):
        read(path)


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(PatientError, match="correct the path"):
        read(tmp_path / "none.nii.gz")
    (tmp_path / "text.nii").write_text("no image" * 100)
    with pytest.raises(PatientError, match="not a NIfTI file"):
        read(tmp_path / "text.nii")


def test_four_dimensions(tmp_path, data):
    assert np.array_equal(read(save(tmp_path / "one.nii", data[..., None])).data, data)
    with pytest.raises(PatientError, match="one three-dimensional volume"):
        read(save(tmp_path / "two.nii", np.stack([data, data], axis=-1)))


def test_constant_is_refused(tmp_path, data):
    with pytest.raises(PatientError, match="shows nothing: every voxel has the value"):
        read(save(tmp_path / "c.nii", np.full_like(data, 3)))


def ball(radius):
    x, y, z = np.indices((40, 40, 40)) - 19.5
    return x**2 + y**2 + z**2 < radius**2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_outside_the_head_what_is_no_number_becomes_0(tmp_path, value, caplog):
    head = ball(15)
    data = np.random.default_rng(0).uniform(1, 2, head.shape).astype(np.float32)
    expected = np.where(head, data, 0)
    assert np.array_equal(read(save(tmp_path / "n.nii", np.where(head, data, value))).data, expected)
    assert f"{(~head).sum()} voxels that are not numbers set to 0" in caplog.text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inside_the_head_a_few_voxels_that_are_no_numbers_are_allowed(tmp_path, value):
    data = np.where(ball(15), 100, 1).astype(np.float32)
    data[19, 19, :20:4] = value
    assert np.array_equal(read(save(tmp_path / "few.nii", data)).data[19, 19, :20:4], [0] * 5)
    data[ball(4)] = value
    share = ball(4).mean()
    with pytest.raises(PatientError, match=f"has {share:.1%} voxels inside the head that are not numbers"):
        read(save(tmp_path / "many.nii", data))


def test_negative_values(tmp_path, data):
    data[0, 0, 0] = -3
    path = save(tmp_path / "n.nii", data)
    assert read(path).data[0, 0, 0] == 0
    assert read(path, series="something else").data[0, 0, 0] == -3
    with pytest.raises(PatientError, match="give the raw series"):
        read(save(tmp_path / "z.nii", data - data.mean()))


def test_values_that_overflowed_16_bits_are_refused(tmp_path):
    data = np.where(ball(15), 20_000, 10).astype(np.int32)
    data[ball(5)] = 40_000
    assert read(save(tmp_path / "whole.nii", data.astype(np.uint16))).data.max() == 40_000
    with pytest.raises(PatientError, match=r"0\.9% voxels far below 0; give the raw series"):
        read(save(tmp_path / "over.nii", data.astype(np.int16)))
    assert (
        read(save(tmp_path / "adc.nii", np.where(ball(15), 800, -1).astype(np.int16)), "adc").data.min() == 0
    )


def test_qform_is_used_where_the_sform_is_not_set(tmp_path, data):
    volume = read(save(tmp_path / "q.nii", data, sform=None, qform=AFFINE))
    assert np.allclose(volume.affine, AFFINE, atol=1e-5)


def test_sform_comes_first(tmp_path, data):
    shifted = AFFINE + np.diag([0, 0, 0, 0.0])
    shifted[2, 3] += 4
    assert np.array_equal(read(save(tmp_path / "s.nii", data, sform=shifted, qform=AFFINE)).affine, shifted)


def test_no_orientation_is_refused(tmp_path, data):
    with pytest.raises(PatientError, match="left and right are unknown"):
        read(save(tmp_path / "none.nii", data, sform=None))


@pytest.mark.parametrize("axes", [[0], [0, 1]])
def test_contradicting_orientations_are_refused(tmp_path, data, axes):
    other = AFFINE
    for axis in axes:
        other, _ = mirrored(other, data, axis)
    with pytest.raises(PatientError, match="disagree about left and right"):
        read(save(tmp_path / "m.nii", data, sform=AFFINE, qform=other))


def test_impossible_offset_is_centred(tmp_path, data, caplog):
    wild = AFFINE.copy()
    wild[:3, 3] = 1e21
    volume = read(save(tmp_path / "w.nii", data, sform=wild))
    assert np.allclose(volume.centre, 0)
    assert np.allclose(volume.affine[:3, :3], AFFINE[:3, :3])
    assert "impossible offset" in caplog.text


@pytest.mark.parametrize(("row", "column"), [(0, 1), (0, 2), (1, 2)])
def test_shear_between_any_two_axes_is_refused(tmp_path, data, row, column):
    sheared = AFFINE.copy()
    sheared[row, column] = 0.4 * abs(AFFINE[column, column])
    with pytest.raises(PatientError, match="sheared"):
        read(save(tmp_path / "s.nii", data, sform=sheared))


def test_impossible_voxels_are_refused(tmp_path, data):
    with pytest.raises(PatientError, match="voxels of"):
        read(save(tmp_path / "v.nii", data, sform=AFFINE @ np.diag([1e-3, 1e-3, 1e-3, 1])))


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_written_volume_reads_back_and_repeats_its_bytes(tmp_path, data, name):
    volume = Volume(data, AFFINE)
    write_volume(tmp_path / "a" / name, volume)
    write_volume(tmp_path / "b" / name, volume)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    back = read(tmp_path / "a" / name)
    assert np.array_equal(back.data, data)
    assert np.array_equal(back.affine, AFFINE)
    assert [path.name for path in (tmp_path / "a").iterdir()] == [name]


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_written_bytes_are_nibabel_s(tmp_path, data, dtype):
    write_volume(tmp_path / "v.nii", Volume(data, AFFINE), dtype=dtype)
    image = nib.Nifti1Image(np.rint(data).astype(dtype) if dtype == np.uint8 else data, AFFINE)
    image.set_sform(AFFINE, code=1)
    image.set_qform(AFFINE, code=1)
    image.header.set_xyzt_units("mm", "sec")
    assert (tmp_path / "v.nii").read_bytes() == image.to_bytes()


def test_packed_volume_is_plain_gzip_without_a_date(tmp_path, data):
    write_volume(tmp_path / "v.nii", Volume(data, AFFINE))
    write_volume(tmp_path / "v.nii.gz", Volume(data, AFFINE))
    packed = (tmp_path / "v.nii.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "v.nii").read_bytes()
    assert packed[3:8] == bytes(5)  # no name, no date


def test_interrupted_write_leaves_nothing(tmp_path, data, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        write_volume(tmp_path / "v.nii", Volume(data, AFFINE))
    assert not list(tmp_path.iterdir())


def test_mask_is_written_as_integers(tmp_path, data):
    write_volume(tmp_path / "m.nii.gz", Volume((data > 100).astype(np.float32), AFFINE), dtype=np.uint8)
    image = nib.load(tmp_path / "m.nii.gz")
    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(np.asanyarray(image.dataobj), data > 100)


def test_adc_by_hand():
    t2w, dwi = (
        Volume(np.array([[values]], dtype=np.float32), AFFINE)
        for values in ([900, 0, 5, 900], [300, 4, 8, 1])
    )
    adc = compute_adc(t2w, dwi, b_value=800)
    assert np.allclose(adc.data, [[[np.log(3) / 800, 0, 0, 4e-3]]], atol=1e-9)  # ln 900 / 800 is above


@pytest.mark.parametrize("stored", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("b_value", [800.0, 1000.0])
def test_derived_t2w_inverts_the_adc(data, stored, b_value):
    true = np.random.default_rng(1).uniform(0.3e-3, 3e-3, data.shape).astype(np.float32)
    dwi = Volume(data, AFFINE)
    shipped = Volume((true / stored).astype(np.float32), AFFINE)
    assert adc_unit(dwi, shipped) == stored
    t2w = derive_t2w(dwi, shipped, b_value=b_value)
    assert np.allclose(t2w.data, data * np.exp(b_value * true), rtol=1e-5)
    assert np.allclose(compute_adc(t2w, dwi, b_value=b_value).data, true, atol=1e-9)


def test_adc_of_no_known_unit_is_refused(data):
    with pytest.raises(ValueError, match="no ADC"):
        derive_t2w(Volume(data, AFFINE), Volume(np.full_like(data, 40), AFFINE), b_value=1000)


@pytest.fixture
def files(tmp_path, data, ratio):
    other = AFFINE.copy()
    other[2, 3] += 3
    return {
        "t2w": save(tmp_path / "b0.nii", data * ratio),
        "dwi": save(tmp_path / "b1000.nii", data),
        "flair": save(tmp_path / "flair.nii", data[:25], sform=other),
        "adc": save(tmp_path / "adc.nii", 0.8 + ratio / 1e2 + 0 * data),
    }


@pytest.fixture
def ratio():
    """Of T2w and DWI."""
    return np.linspace(2, 4, SHAPE[0], dtype=np.float32)[:, None, None]


def test_series_with_and_without_t2w(files, data, ratio):
    given = read_series(files, patient="p1", b_value=1000)
    assert np.array_equal(given["t2w"].data, data * ratio)
    assert np.allclose(given["adc"].data, np.log(ratio) / 1000)
    derived = read_series(files | {"t2w": None}, patient="p1", b_value=1000)
    assert np.allclose(derived["adc"].data, (0.8 + ratio / 1e2) * 1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"flair": None}, "has no FLAIR"),
        ({"dwi": None}, "has no DWI"),
        ({"t2w": None, "adc": None}, "neither T2w .b0. nor ADC"),
    ],
)
def test_missing_series_exclude_the_patient(files, change, words):
    with pytest.raises(PatientError, match=words):
        read_series(files | change, patient="p1", b_value=1000)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (np.s_[:, :, :1], r"t2w file cut.nii has too few slices: 1 .26×24×1.; give the whole series"),
        (np.s_[:, :, :7], "too few slices: 7"),
        (np.s_[:1], "too few slices: 1 .1×24×9."),
        (np.s_[:8, :8, :8], "has 8×8×8 voxels, too few for a head"),
    ],
)
def test_a_series_too_small_for_a_head_is_refused(tmp_path, files, data, part, words):
    cut = save(tmp_path / "cut.nii", data[part])
    with pytest.raises(PatientError, match=words):
        read_series(files | {"t2w": cut}, patient="p1", b_value=1000)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"t2w": "dwi"}, "dwi file b1000.nii and t2w file b1000.nii hold one image, up to a factor"),
        ({"dwi": "t2w"}, "dwi file b0.nii and t2w file b0.nii hold one image"),
        ({"flair": "dwi"}, "dwi file b1000.nii and flair file b1000.nii hold one image"),
        ({"flair": "t2w"}, "t2w file b0.nii and flair file b0.nii hold one image"),
        ({"t2w": None, "adc": "dwi"}, "dwi file b1000.nii and adc file b1000.nii hold one image"),
    ],
)
def test_one_file_in_two_columns_is_refused(files, columns, words):
    changed = files | {name: files.get(source) for name, source in columns.items()}
    with pytest.raises(PatientError, match=words):
        read_series(changed, patient="p1", b_value=1000)


def test_a_copy_times_a_factor_is_refused(tmp_path, files, data):
    scaled = save(tmp_path / "scaled.nii", data * 2.5 + 7)
    with pytest.raises(PatientError, match=r"dwi file b1000.nii and t2w file scaled.nii hold one image"):
        read_series(files | {"t2w": scaled}, patient="p1", b_value=1000)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d[:, :, [3, 7, 0, 5, 2, 8, 1, 6, 4]], "out of order"),
        (lambda d: np.where(np.arange(9) == 4, 0, d), "has 1 empty slices between others"),
        (lambda d: (d > d.mean()).astype(np.float32), "holds 1 different values in the head"),
        (lambda d: np.random.default_rng(0).permutation(d.ravel()).reshape(d.shape), "shows noise"),
        (lambda d: np.minimum(d, 90), "is saturated"),
    ],
)
@pytest.mark.parametrize("series", ["t2w", "dwi", "flair"])
def test_what_is_no_image_of_a_head_is_refused(tmp_path, files, data, series, spoil, words):
    spoilt = save(tmp_path / "spoilt.nii", spoil(data).astype(np.float32))
    with pytest.raises(PatientError, match=f"^patient p1: {series} file spoilt.nii .*{words}"):
        read_series(files | {series: spoilt}, patient="p1", b_value=1000)


@pytest.mark.parametrize("background", [0, 100])
def test_a_single_voxel_that_hides_the_head_is_refused(tmp_path, files, background):
    data = np.full(SHAPE, background, np.float32)
    data[5, 5, 5] = 1e12
    spike = save(tmp_path / "spike.nii", data)
    with pytest.raises(
        PatientError, match=rf"single voxels of 1e\+12, and all others are at most about {background}"
    ):
        read_series(files | {"dwi": spike}, patient="p1", b_value=1000)


def test_t2w_on_another_grid_is_refused(files):
    with pytest.raises(PatientError, match="not on one grid"):
        read_series(files | {"t2w": files["flair"]}, patient="p1", b_value=1000)
