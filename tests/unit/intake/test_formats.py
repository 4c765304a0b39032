"""Images of every format against what was written into them, and what is refused."""

import gzip
import zipfile
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import read_volume
from strokeclock.intake import payload
from strokeclock.intake.formats import read_image, write_image

TYPES = ["uint8", "int16", "uint16", "int32", "float32", "float64"]


def read(path, **options):
    return read_image(path, patient="p1", series="dwi", **options)


def reason(path, **options):
    with pytest.raises(PatientError) as caught:
        read(path, **options)
    assert caught.value.patient == "p1"
    assert caught.value.reason.startswith(f"dwi file {path.name} ")
    assert str(path.parent) not in caught.value.reason
    assert "\n" not in caught.value.reason
    return caught.value.reason


def check(path, scan, *, tolerance=1e-12, **options):
    image = read(path, **options)
    assert image.data.dtype == scan.data.dtype
    assert np.array_equal(image.data, scan.data)
    assert np.allclose(image.affine, scan.affine, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_metaimage_is_read_exactly(tmp_path, make_scan, dtype, big, compressed):
    scan = make_scan(dtype=dtype)
    check(scan.write_mha(tmp_path / "a.mha", big=big, compressed=compressed), scan)
    data_file = "a.zraw" if compressed else "a.raw"
    path = scan.write_mha(tmp_path / "a.mhd", big=big, compressed=compressed, data_file=data_file)
    check(path, scan)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize(
    "space", ["left-posterior-superior", "right-anterior-superior", "left-anterior-superior"]
)
def test_nrrd_is_read_exactly(tmp_path, make_scan, dtype, big, encoding, space):
    scan = make_scan(dtype=dtype)
    options = {"big": big, "encoding": encoding, "space": space}
    check(scan.write_nrrd(tmp_path / "a.nrrd", **options), scan)
    check(scan.write_nrrd(tmp_path / "a.nhdr", **options, data_file="a.dat"), scan)


@pytest.mark.parametrize(
    "space", ["left-posterior-superior", "right-anterior-superior", "left-anterior-superior"]
)
def test_spaces_of_nrrd_by_their_letters(tmp_path, make_scan, space):
    scan = make_scan()
    path = scan.write_nrrd(tmp_path / "a.nrrd", space=space)
    letters = "".join(word[0] for word in space.split("-")).upper()
    path.write_bytes(path.read_bytes().replace(space.encode(), letters.encode(), 1))
    check(path, scan)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("image_type", [nib.Nifti1Image, nib.Nifti2Image])
def test_nifti_is_read_exactly(tmp_path, make_scan, dtype, big, name, image_type):
    scan = make_scan(dtype=dtype)
    path = scan.write_nifti(tmp_path / name, big=big, image_type=image_type)
    check(path, scan, tolerance=1e-5)  # float32 in the header
    assert np.array_equal(read(path).affine, nib.load(path).affine)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
def test_freesurfer_is_read_exactly(tmp_path, make_scan, dtype, name):
    scan = make_scan(dtype=dtype)
    path = scan.write_mgh(tmp_path / name)
    check(path, scan, tolerance=1e-4)  # float32 in the header
    assert np.array_equal(read(path).affine, nib.load(path).affine)


def test_every_direction_of_axes_agrees_with_nibabel(tmp_path, make_scan):
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        affine = np.eye(4)
        affine[:3, :3] = (np.eye(3) * [2.0 * signs[0], 2.5 * signs[1], 6.0 * signs[2]])[:, order]
        affine[:3, 3] = [10, -20, 30]
        scan = make_scan(affine=affine)
        for path in (
            scan.write_mha(tmp_path / "a.mha"),
            scan.write_nrrd(tmp_path / "a.nrrd"),
            scan.write_mgh(tmp_path / "a.mgz"),
        ):
            assert nib.aff2axcodes(read(path).affine) == nib.aff2axcodes(affine)
            check(path, scan, tolerance=1e-5)


@pytest.mark.slow  # ITK's start
def test_itk_reads_the_same(tmp_path, make_scan):
    ants = pytest.importorskip("ants")
    scan = make_scan()
    paths = [
        scan.write_mha(tmp_path / "a.mha", compressed=True),
        scan.write_nrrd(tmp_path / "a.nrrd", space="right-anterior-superior", encoding="gzip"),
        scan.write_nifti(tmp_path / "a.nii.gz"),
    ]
    for path in paths:
        expected, image = ants.image_read(str(path)), read(path)
        steps = expected.direction * expected.spacing
        assert np.array_equal(expected.numpy(), image.data)
        assert np.allclose(np.diag([-1, -1, 1]) @ steps, image.affine[:3, :3], atol=1e-5)
        assert np.allclose(np.array([-1, -1, 1]) * expected.origin, image.affine[:3, 3], atol=1e-4)


@pytest.mark.parametrize("dtype", TYPES)
def test_written_nifti_is_the_same_image_without_text(tmp_path, make_scan, dtype):
    scan = make_scan(dtype=dtype)
    path = tmp_path / "out.nii.gz"
    write_image(path, read(scan.write_nrrd(tmp_path / "Doe_Jane.nrrd")))
    check(path, scan, tolerance=1e-5)
    content = gzip.decompress(path.read_bytes())
    assert b"Doe" not in path.read_bytes() + content
    header = nib.load(path).header
    assert not any(
        header[name].item() for name in ("descrip", "aux_file", "db_name", "intent_name", "data_type")
    )
    assert path.read_bytes()[3:8] == b"\0\0\0\0\0"  # no name, no time
    once = path.read_bytes()
    write_image(path, read(tmp_path / "Doe_Jane.nrrd"))
    assert path.read_bytes() == once


def test_several_volumes_where_they_may_be(tmp_path, make_scan):
    scan = make_scan((5, 4, 3, 7))
    check(scan.write_mha(tmp_path / "a.mha"), scan, several=True)
    check(scan.write_nifti(tmp_path / "a.nii.gz"), scan, several=True, tolerance=1e-5)
    check(scan.write_nrrd(tmp_path / "a.nrrd"), scan, several=True)
    check(scan.write_mgh(tmp_path / "a.mgz"), scan, several=True, tolerance=1e-4)
    for name in ("a.mha", "a.nii.gz", "a.nrrd", "a.mgz"):
        assert "holds 7 volumes; give one three-dimensional volume" in reason(tmp_path / name)


def test_the_axis_of_the_volumes_may_come_first_in_an_nrrd(tmp_path, make_scan):
    scan = make_scan((5, 4, 3, 7))
    first = type(scan)(np.moveaxis(scan.data, -1, 0), scan.affine)
    vectors = (
        scan.write_nrrd(tmp_path / "b.nrrd").read_bytes().split(b"space directions: ")[1].split(b"\n")[0]
    )
    vectors = "none " + vectors.decode().removesuffix(" none")
    path = first.write_nrrd(tmp_path / "a.nrrd", space_directions=vectors, kinds="list domain domain domain")
    check(path, scan, several=True)
    first.write_nrrd(path, space_directions=vectors, kinds="vector domain domain domain")
    assert "holds several numbers a voxel" in reason(path, several=True)


def test_four_axes_with_one_volume_are_one_volume(tmp_path, make_scan):
    scan = make_scan((5, 4, 3, 1))
    volume = type(scan)(scan.data[..., 0], scan.affine)
    check(scan.write_mha(tmp_path / "a.mha"), volume)
    check(scan.write_nifti(tmp_path / "a.nii.gz"), volume, tolerance=1e-5)
    check(scan.write_nrrd(tmp_path / "a.nrrd"), volume)


def test_a_scale_factor_is_applied(tmp_path, make_scan):
    scan = make_scan((5, 4, 3, 2))
    image = nib.Nifti1Image(scan.data, scan.affine)
    image.header.set_slope_inter(2.5, -3)
    nib.save(image, tmp_path / "a.nii")
    values = read(tmp_path / "a.nii", several=True).data
    assert values.dtype == np.float32
    assert np.array_equal(values, nib.load(tmp_path / "a.nii").get_fdata().astype(np.float32))


def test_a_pair_of_nifti_files_is_read_by_either_name(tmp_path, make_scan):
    scan = make_scan()
    image = nib.Nifti1Pair(scan.data, scan.affine)
    image.set_sform(scan.affine, code=1)
    nib.save(image, tmp_path / "a.hdr")
    check(tmp_path / "a.hdr", scan, tolerance=1e-5)
    check(tmp_path / "a.img", scan, tolerance=1e-5)
    (tmp_path / "a.img").unlink()
    assert "its .img file is not beside it" in reason(tmp_path / "a.hdr")


def test_analyze_pairs_are_refused(tmp_path, make_scan):
    nib.save(nib.AnalyzeImage(make_scan().data, np.diag([2.0, 2, 2, 1])), tmp_path / "a.hdr")
    for name in ("a.hdr", "a.img"):
        assert "is an Analyze header without orientation, so left and right are unknown" in reason(
            tmp_path / name
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TransformMatrix": None}, "has no direction (TransformMatrix), so left and right are unknown"),
        ({"Offset": None}, "has no Offset in its header"),
        ({"ElementSpacing": None}, "has no ElementSpacing"),
        ({"DimSize": None}, "has no DimSize"),
        ({"NDims": None}, "has no NDims"),
        ({"NDims": 2}, "has 2 dimensions"),
        ({"NDims": "3 3"}, "damaged NDims"),
        ({"DimSize": "5 4 3.5"}, "damaged DimSize"),
        ({"DimSize": "5 -4 3"}, "impossible dimensions"),
        ({"DimSize": "5 4 0"}, "impossible dimensions"),
        ({"DimSize": "5 4"}, "damaged DimSize in its header, not 3 numbers"),
        ({"DimSize": "30000 30000 30000"}, "claims 30000×30000×30000 voxels, more than any scan has"),
        ({"DimSize": "500 500 400"}, "holds less than its header says"),
        ({"DimSize": "5 4 2"}, "holds more than its header says"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0"}, "damaged TransformMatrix"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 nan"}, "damaged TransformMatrix"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 0"}, "impossible direction"),
        ({"TransformMatrix": "1 0 0 0 1 0 0 0 2"}, "impossible direction"),
        ({"TransformMatrix": "1 0 0 0.6 0.8 0 0 0 1"}, "has a sheared affine"),
        ({"TransformMatrix": "-1 0 0 0 1 0 0 0 1"}, "contradicts itself about left and right"),
        ({"AnatomicalOrientation": "LPS"}, "contradicts itself about left and right"),
        ({"AnatomicalOrientation": "LAI"}, "contradicts itself about left and right"),
        ({"AnatomicalOrientation": "RA"}, "contradicts itself about left and right"),
        ({"ElementSpacing": "1 1 -5"}, "impossible direction or spacing"),
        ({"ElementSpacing": "1 1 500"}, "has voxels of"),
        ({"ElementNumberOfChannels": 3}, "holds several numbers a voxel (colours or vectors)"),
        ({"ElementType": "MET_UCHAR_ARRAY"}, "holds several numbers a voxel (colours or vectors)"),
        ({"ElementType": "MET_STRING"}, "a kind that is not supported"),
        ({"ElementType": None}, "a kind that is not supported"),
        ({"BinaryData": "False"}, "holds its voxels as text"),
        ({"CompressedData": "maybe"}, "has a CompressedData that is neither True nor False"),
        ({"CompressedData": "True"}, "truncated or damaged"),
        ({"Orientation": "1 0 0 0 1 0 0 0 1"}, "gives TransformMatrix twice"),
        ({"data_file": "b/../../a.raw"}, "names a data file outside its own folder"),
        ({"data_file": "/etc/passwd"}, "names a data file outside its own folder"),
        ({"data_file": "C:\\scans\\a.raw"}, "names a data file outside its own folder"),
        ({"data_file": "\\\\server\\a.raw"}, "names a data file outside its own folder"),
        ({"data_file": "x/a.raw"}, "names a data file that is not beside it"),
        ({"data_file": "x" * 300 + "/a.raw"}, "names a data file that is not beside it"),
        ({"data_file": "x/LIST"}, "names a data file that is not beside it"),
        ({"data_file": "slice%03d.raw 1 30 1"}, "spreads its voxels over several files"),
    ],
)
def test_metaimages_that_are_refused(tmp_path, make_scan, changes, words):
    affine = np.diag([-1.0, -1, 5, 1])  # the identity of LPS: RAI
    folder = tmp_path / "Doe Jane"
    folder.mkdir()
    path = make_scan(affine=affine).write_mha(folder / "a.mha", **changes)
    assert words in reason(path)


def test_letters_that_are_not_known_or_agree_are_accepted(tmp_path, make_scan):
    scan = make_scan()
    for letters in ("???", "", None, "lpi"):
        check(scan.write_mha(tmp_path / "a.mha", AnatomicalOrientation=letters), scan)


def test_header_sizes_of_metaimage(tmp_path, make_scan):
    scan = make_scan()
    path = scan.write_mha(tmp_path / "a.mhd", data_file="a.raw", HeaderSize=3)
    (tmp_path / "a.raw").write_bytes(b"123" + (tmp_path / "a.raw").read_bytes())
    check(path, scan)
    check(scan.write_mha(tmp_path / "a.mhd", data_file="b.raw", HeaderSize=-1), scan)
    (tmp_path / "b.raw").write_bytes(b"12345" + (tmp_path / "b.raw").read_bytes())
    check(path, scan)
    (tmp_path / "b.raw").write_bytes(b"12345")
    assert "holds less than its header says" in reason(path)


def test_windows_line_ends_and_comments(tmp_path, make_scan):
    scan = make_scan()
    path = scan.write_mha(tmp_path / "a.mhd", data_file="a.raw", Comment="Doe = Jane")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    check(path, scan)
    path = scan.write_nrrd(tmp_path / "a.nhdr", data_file="a.raw")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    check(path, scan)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space_directions": None}, "has no direction (space directions), so left and right are unknown"),
        ({"space": "scanner-xyz"}, "does not say where its axes lead"),
        ({"space": None, "space_dimension": 3}, "does not say where its axes lead"),
        ({"space_origin": None}, "has no space origin"),
        ({"space_origin": "(1,2)"}, "damaged space origin"),
        ({"space_origin": "1,2,3"}, "damaged vector"),
        ({"space_units": '"m" "m" "m"'}, "other units than mm"),
        ({"space_directions": "(1,0,0) (0,1,0) none"}, "damaged space directions"),
        ({"space_directions": "(1,0,0) (0,1,0)"}, "damaged space directions"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,nan)"}, "damaged space directions"),
        ({"space_directions": "(1,0,0) (0,1,0) (0,0,0)"}, "has voxels of"),
        ({"space_directions": "(1,0,0) (.6,.8,0) (0,0,5)"}, "has a sheared affine"),
        ({"type": "block"}, "a kind that is not supported"),
        ({"type": None}, "a kind that is not supported"),
        ({"dimension": 2}, "has 2 axes"),
        ({"dimension": 3.5}, "damaged dimension"),
        ({"sizes": "5 4"}, "damaged sizes"),
        ({"sizes": "5 4 ３"}, "damaged sizes"),
        ({"sizes": "5 4 1_0"}, "damaged sizes"),
        ({"sizes": "30000 30000 30000"}, "claims 30000×30000×30000 voxels"),
        ({"sizes": "500 500 400"}, "holds less than its header says"),
        ({"sizes": "5 4 2"}, "holds more than its header says"),
        ({"endian": None}, "does not say its byte order"),
        ({"encoding": "ascii"}, "holds its voxels neither raw nor packed"),
        ({"encoding": None}, "holds its voxels neither raw nor packed"),
        ({"byte_skip": 10**12}, "holds less than its header says"),
        ({"line_skip": 99}, "fewer lines than it says to skip"),
        ({"datafile": "a.raw", "data_file": "b.raw"}, "gives data file twice"),
        ({"data_file": "../a.raw"}, "names a data file outside its own folder"),
        ({"data_file": "LIST"}, "spreads its voxels over several files"),
    ],
)
def test_nrrds_that_are_refused(tmp_path, make_scan, changes, words):
    assert words in reason(make_scan().write_nrrd(tmp_path / "a.nrrd", **changes))


def test_skips_of_nrrd(tmp_path, make_scan):
    scan = make_scan()
    path = scan.write_nrrd(tmp_path / "a.nhdr", data_file="a.raw", line_skip=1, byte_skip=2)
    (tmp_path / "a.raw").write_bytes(b"a line\n12" + (tmp_path / "a.raw").read_bytes())
    check(path, scan)
    path = scan.write_nrrd(tmp_path / "b.nhdr", data_file="b.raw", byte_skip=-1)
    (tmp_path / "b.raw").write_bytes(b"12345" + (tmp_path / "b.raw").read_bytes())
    check(path, scan)


def test_freesurfer_without_direction_is_refused(tmp_path, make_scan):
    path = make_scan().write_mgh(tmp_path / "a.mgh")
    content = bytearray(path.read_bytes())
    content[28:30] = b"\0\0"  # goodRASFlag
    path.write_bytes(content)
    assert "has no direction (goodRASFlag is 0)" in reason(path)


def test_nifti_of_other_numbers_is_refused(tmp_path, make_scan):
    scan = make_scan()
    nib.save(nib.Nifti1Image(np.ones((5, 4, 3), np.complex64), scan.affine), tmp_path / "a.nii")
    assert "holds complex numbers; export the magnitude" in reason(tmp_path / "a.nii")
    colours = np.zeros((5, 4, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, scan.affine), tmp_path / "a.nii")
    assert "holds colours (RGB)" in reason(tmp_path / "a.nii")
    image = nib.Nifti1Image(scan.data, None)
    image.set_sform(None, code=0)
    nib.save(image, tmp_path / "a.nii")
    assert "has no orientation" in reason(tmp_path / "a.nii")
    nib.save(nib.Nifti1Image(np.ones((5, 4, 3, 1, 3), np.float32), scan.affine), tmp_path / "a.nii")
    assert "has 5 axes (5×4×3×1×3)" in reason(tmp_path / "a.nii", several=True)


@pytest.mark.parametrize("write", ["write_mha", "write_nrrd", "write_nifti", "write_mgh"])
def test_truncated_files_are_refused(tmp_path, make_scan, write):
    path = getattr(make_scan(), write)(tmp_path / "a")
    content = path.read_bytes()
    end = 284 + 120 if write == "write_mgh" else len(content)  # scan parameters follow
    path.write_bytes(content[: end - 1])
    assert "holds less than its header says (truncated or damaged); copy it again" in reason(path)


@pytest.mark.parametrize(
    ("write", "options"),
    [("write_mha", {"compressed": True}), ("write_nrrd", {"encoding": "gzip"}), ("write_nifti", {})],
)
def test_truncated_packed_files_are_refused(tmp_path, make_scan, write, options):
    path = getattr(make_scan(), write)(tmp_path / "a.gz", **options)
    content = path.read_bytes()
    for cut in (1, 5, 9, 40):
        path.write_bytes(content[:-cut])
        assert "truncated or damaged" in reason(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 400)
    assert "is a JPEG picture; export the series as NIfTI" in reason(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.nii", b"\0" * 400)
    assert "is a zip archive; unpack it" in reason(path)
    assert "cannot be read (No such file or directory)" in reason(tmp_path / "b.nii")
    assert "cannot be read (Is a directory)" in reason(tmp_path)


def test_a_metaimage_packed_as_a_whole_is_refused(tmp_path, make_scan):
    path = make_scan().write_mha(tmp_path / "a.mha")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert "is packed as a whole; unpack it" in reason(path)


def test_what_a_file_unpacks_to_is_bounded_by_its_header(tmp_path, make_scan, monkeypatch):
    scan = make_scan()
    path = scan.write_nifti(tmp_path / "a.nii.gz")
    bomb = gzip.compress(gzip.decompress(path.read_bytes()) + bytes(30_000_000))
    path.write_bytes(bomb)
    taken = []
    real = payload.unpack

    def count(*arguments):
        for part in real(*arguments):
            taken.append(len(part))
            yield part

    monkeypatch.setattr(payload, "unpack", count)
    assert "holds more than its header says" in reason(path)
    assert 0 < sum(taken) < 2**19


def test_many_members_and_zeros_behind_gzip(tmp_path, make_scan):
    scan = make_scan((40, 50, 60))
    path = scan.write_nifti(tmp_path / "a.nii.gz")
    content = gzip.decompress(path.read_bytes())
    members = b"".join(gzip.compress(content[start : start + 7000]) for start in range(0, len(content), 7000))
    path.write_bytes(members + bytes(512))
    check(path, scan, tolerance=1e-5)


def test_the_pipeline_reads_what_was_converted(tmp_path, make_scan):
    scan = make_scan((30, 31, 9), "uint16")
    write_image(tmp_path / "a.nii.gz", read(scan.write_mha(tmp_path / "a.mha")))
    volume = read_volume(tmp_path / "a.nii.gz", patient="p1", series="dwi")
    expected = nib.as_closest_canonical(nib.Nifti1Image(scan.data, scan.affine))
    assert np.array_equal(volume.data, expected.get_fdata().astype(np.float32))
    assert np.allclose(volume.affine, expected.affine, atol=1e-5)
