"""FSL's exact command lines, its matrices against independent arithmetic, the chain if FSL is installed."""

import os
from itertools import product

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from with_fsl import needs_fsl

from strokeclock.errors import KilledError, MissingSoftwareError, PatientError
from strokeclock.imaging import fsl
from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.findings import Findings, read_findings, write_findings
from strokeclock.imaging.fsl_chain import preprocess_patient
from strokeclock.imaging.volume import Volume, read_volume, write_volume

SERIES = ("t2w", "dwi", "flair", "adc")


# -- command lines


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Images and matrices by name, in the current folder: nipype refuses inputs that are not there."""
    monkeypatch.chdir(tmp_path)
    for name in ("t2w.nii", "flair.nii", "grid.nii.gz", "weights.nii", "a.mat", "b.mat"):
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: fsl.reorientation("t2w.nii", out="out.nii"), "fslreorient2std t2w.nii out.nii"),
        (
            lambda: fsl.skull_stripping("t2w.nii", out="brain.nii", fraction=0.5, robust=True),
            "bet t2w.nii brain.nii -f 0.50 -R",
        ),
        (
            lambda: fsl.skull_stripping("t2w.nii", out="brain.nii", fraction=0.45, robust=False),
            "bet t2w.nii brain.nii -f 0.45",
        ),
        (
            lambda: fsl.brain_masking("t2w.nii", out="brain.nii", fraction=0.3),
            "bet t2w.nii brain.nii -f 0.30 -m -n",
        ),
        (
            lambda: fsl.registration(
                "t2w.nii", fixed="grid.nii.gz", out="moved.nii", matrix="moved.mat", dof=12, cost="corratio"
            ),
            "flirt -in t2w.nii -ref grid.nii.gz -out moved.nii -omat moved.mat"
            " -cost corratio -searchcost corratio -dof 12",
        ),
        (
            lambda: fsl.registration(
                "flair.nii", fixed="t2w.nii", out="moved.nii", matrix="moved.mat", dof=6, cost="normmi"
            ),
            "flirt -in flair.nii -ref t2w.nii -out moved.nii -omat moved.mat"
            " -cost normmi -searchcost normmi -dof 6",
        ),
        (
            lambda: fsl.refinement(
                "flair.nii",
                fixed="t2w.nii",
                weights="weights.nii",
                start="a.mat",
                out="moved.nii",
                matrix="moved.mat",
                dof=6,
                cost="normmi",
            ),
            "flirt -in flair.nii -ref t2w.nii -out moved.nii -omat moved.mat -cost normmi"
            " -searchcost normmi -dof 6 -init a.mat -nosearch -refweight weights.nii",
        ),
        (
            lambda: fsl.concatenation("a.mat", then="b.mat", out="ab.mat"),
            "convert_xfm -omat ab.mat -concat b.mat a.mat",
        ),
        (
            lambda: fsl.application("flair.nii", fixed="grid.nii.gz", matrix="a.mat", out="moved.nii"),
            "flirt -in flair.nii -ref grid.nii.gz -out moved.nii -omat moved.nii.mat"
            " -applyxfm -init a.mat -interp trilinear",
        ),
    ],
    ids=[
        "reorient",
        "bet -R",
        "bet",
        "bet mask",
        "flirt t2w",
        "flirt flair",
        "flirt flair again",
        "concatenate",
        "apply",
    ],
)
def test_command_line(files, build, expected):
    interface = build()
    assert interface.cmdline == expected
    assert interface.inputs.environ["FSLOUTPUTTYPE"] == "NIFTI"


# -- presence


def test_absent_fsl_is_named_with_both_remedies():
    with pytest.raises(MissingSoftwareError) as caught:
        fsl.require_fsl({"PATH": "/nowhere"})
    sentence = str(caught.value)
    assert "bet" in sentence
    assert "FSLDIR" in sentence
    assert "--use-conda" in sentence
    assert "official installer" in sentence
    assert "non-commercial" in sentence
    assert "preprocessing.toolchain: open" in sentence


def test_found_fsl_passes_and_half_an_installation_does_not(tmp_path):
    for program in fsl.PROGRAMS:
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    fsl.require_fsl({"PATH": str(tmp_path), "FSLDIR": "/usr/local/fsl"})
    (tmp_path / "flirt").unlink()
    with pytest.raises(MissingSoftwareError, match=r"\(flirt not found\)"):
        fsl.require_fsl({"PATH": str(tmp_path), "FSLDIR": "/usr/local/fsl"})


def test_the_home_of_fsl_is_that_of_its_programs_where_it_is_not_told(tmp_path):
    """In a conda environment nothing sets FSLDIR, and bet cannot run without it."""
    (tmp_path / "env/bin").mkdir(parents=True)
    for program in fsl.PROGRAMS:
        (tmp_path / "env/bin" / program).write_text("#!/bin/sh\n")
        (tmp_path / "env/bin" / program).chmod(0o755)
    environ = {"PATH": str(tmp_path / "env/bin")}
    fsl.require_fsl(environ)
    assert environ["FSLDIR"] == str(tmp_path / "env")
    assert fsl.find_version(environ) == "unknown"
    (tmp_path / "env/conda-meta").mkdir()
    for name in ("fsl-flirt-2111.2-h2bc3f7f_0", "fsl-bet2-2111.5-h2bc3f7f_0"):
        (tmp_path / f"env/conda-meta/{name}.json").touch()
    assert fsl.find_version(environ) == "fsl-bet2-2111.5, fsl-flirt-2111.2"
    (tmp_path / "env/etc").mkdir()
    (tmp_path / "env/etc/fslversion").write_text("6.0.7\n")
    assert fsl.find_version(environ) == "6.0.7"
    told = {"PATH": str(tmp_path / "env/bin"), "FSLDIR": "/usr/local/fsl"}
    fsl.require_fsl(told)
    assert told["FSLDIR"] == "/usr/local/fsl"


# -- matrices


def rotation(axis, degrees):
    """4 x 4, about one world axis, by Rodrigues' formula."""
    k = np.cross(np.eye(3), np.eye(3)[axis]).T
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    return matrix


def image(codes, *, shape, spacing, tilt=0.0):
    """An empty image stored in the order ``codes``, centred near the world's origin, tilted about z and x."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -np.array(spacing) * np.array(shape) / 2 + (3.0, -5.0, 7.0)
    ornt = nib.orientations.axcodes2ornt(codes)
    stored = nib.Nifti1Image(
        np.zeros(shape, np.float32), rotation(2, tilt) @ rotation(0, tilt / 2) @ affine
    ).as_reoriented(nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), ornt))
    assert nib.aff2axcodes(stored.affine) == tuple(codes)
    return stored


def flirt_point(img, world):
    """Where FLIRT counts a world point, one coordinate at a time, as FSL's documentation words it."""
    voxel = nib.affines.apply_affine(np.linalg.inv(img.affine), world)
    size = nib.affines.voxel_sizes(img.affine)
    point = [voxel[0] * size[0], voxel[1] * size[1], voxel[2] * size[2]]
    if np.linalg.det(img.affine) > 0:  # neurological storage: x from the other side
        point[0] = (img.shape[0] - 1 - voxel[0]) * size[0]
    return point


def flirt_matrix(transform, *, moving, fixed):
    """FLIRT's matrix of a world transform, fitted to corresponding points alone."""
    points = np.random.default_rng(0).uniform(-60, 60, (20, 3))
    before = np.c_[[flirt_point(moving, p) for p in points], np.ones(20)]
    after = np.c_[[flirt_point(fixed, p) for p in nib.affines.apply_affine(transform, points)], np.ones(20)]
    return np.linalg.lstsq(before, after, rcond=None)[0].T


TRANSFORM = rotation(2, 11) @ rotation(0, -7) @ np.diag([1.05, 0.93, 1.1, 1.0])
TRANSFORM[:3, 3] = 4.0, -9.0, 15.0


@pytest.mark.parametrize(("moving", "fixed"), list(product(("RAS", "LAS", "PIR"), ("RAS", "LAS"))))
def test_world_transform_of_a_flirt_matrix(moving, fixed):
    moving = image(moving, shape=(30, 40, 12), spacing=(1.2, 1.4, 5.0), tilt=13)
    fixed = image(fixed, shape=(22, 24, 10), spacing=(2.0, 1.7, 7.4))
    matrix = flirt_matrix(TRANSFORM, moving=moving, fixed=fixed)
    np.testing.assert_allclose(fsl.flirt_to_world(matrix, moving=moving, fixed=fixed), TRANSFORM, atol=1e-9)


def test_a_shift_of_four_millimetres_by_hand():
    """x_flirt = 9 - x_world in both storages of ten 2 mm columns, so + 4 for FLIRT is 4 mm to the left."""
    ras = Volume(np.zeros((10, 10, 10)), np.diag([2.0, 2, 2, 1]))
    ras.affine[:3, 3] = -9
    las = Volume(ras.data, ras.affine @ np.array([[-1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    shift, left = np.eye(4), np.eye(4)
    shift[0, 3], left[0, 3] = 4, -4
    for moving, fixed in product((ras, las), repeat=2):
        np.testing.assert_allclose(fsl.flirt_to_world(shift, moving=moving, fixed=fixed), left, atol=1e-12)


# -- boxes


@pytest.fixture
def atlas(tmp_path, raw):
    """The ellipsoid itself, so that registration is quick; and a mask."""
    paths, head = raw
    names = {"atlas_t2w": tmp_path / "atlas_t2w.nii.gz", "atlas_brain_mask": tmp_path / "atlas_mask.nii.gz"}
    affine = read_volume(paths["t2w"], patient="p1", series="t2w").affine
    write_volume(names["atlas_t2w"], read_volume(paths["t2w"], patient="p1", series="t2w"))
    write_volume(names["atlas_brain_mask"], Volume(head.astype(np.float32), affine), dtype=np.uint8)
    return names


@pytest.fixture
def raw(tmp_path):
    """An oblique ellipsoid, brighter to the right, as b0, b1000 and FLAIR on noise."""
    rng = np.random.default_rng(0)
    shape, affine = (32, 36, 12), np.diag([6.0, 6.0, 10.0, 1.0])
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    head = x**2 + (y + 0.3 * z) ** 2 + 0.5 * z**2 < 0.6
    bias = np.exp(0.4 * x)
    paths = {}
    for series, signal, sd in (("t2w", 400, 5), ("dwi", 180, 8), ("flair", 250, 5)):
        data = np.abs(head * signal * bias + rng.normal(0, sd, shape))
        paths[series] = tmp_path / f"{series}.nii.gz"
        write_volume(paths[series], Volume(data.astype(np.float32), affine))
    return {**paths, "adc": None}, head


@pytest.mark.parametrize("shared", [True, False])
def test_bias_correction(raw, atlas, tmp_path, shared):
    paths, head = raw
    out = {series: tmp_path / f"corrected_{series}.nii" for series in SERIES}
    fsl.correct_bias(
        paths,
        outputs=out,
        shrink=2,
        iterations=[20, 20],
        shared_dwi=shared,
        b_value=1000.0,
        patient="p1",
        head="auto",
        findings=tmp_path / "findings.json",
        **atlas,
    )
    found = read_findings(tmp_path / "findings.json")
    assert found.stripped == {"t2w": False, "dwi": False, "flair": False}  # noise all over the image
    assert set(found.scans) == {"t2w", "dwi", "flair"}
    before = {s: read_volume(paths[s], patient="p1", series=s).data for s in ("t2w", "dwi", "flair")}
    after = {s: read_volume(out[s], patient="p1", series=s).data for s in SERIES}
    inside = ndimage.binary_erosion(head, iterations=2)
    for series in ("t2w", "flair"):
        assert after[series][inside].std() < 0.4 * before[series][inside].std()
    np.testing.assert_allclose(
        after["adc"][inside], np.log(before["t2w"][inside] / before["dwi"][inside]) / 1000, rtol=1e-4
    )
    same = np.allclose(
        (after["t2w"] / after["dwi"])[inside], (before["t2w"] / before["dwi"])[inside], rtol=1e-4
    )
    assert same == shared  # one field for both leaves the ADC as it was


def test_a_stripped_series_is_copied(tmp_path):
    (tmp_path / "t2w.nii").write_bytes(b"as it is")
    write_findings(
        tmp_path / "findings.json", Findings(derived=False, stripped={"t2w": True, "flair": False})
    )
    out = tmp_path / "brain.nii"
    fsl.strip_skull(
        {"t2w": tmp_path / "t2w.nii"},
        outputs={"t2w": out},
        findings=tmp_path / "findings.json",
        fraction=0.5,
        robust=True,
        patient="p1",
    )
    assert out.read_bytes() == (tmp_path / "t2w.nii").read_bytes()


def test_a_program_that_fails_excludes_one_patient(tmp_path, monkeypatch):
    bet = tmp_path / "bet"
    bet.write_text(
        "#!/bin/sh\necho loading >&2\necho Segmentation fault >&2\n"
    )  # and exits with 0, as bet does
    bet.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "t2w.nii").touch()
    with pytest.raises(
        PatientError, match=r"^patient p1: bet failed \(Segmentation fault\); look at the series$"
    ):
        fsl.strip_again(
            tmp_path / "t2w.nii",
            brain_mask_grid=tmp_path / "atlas_mask.nii",
            brain_mask=tmp_path / "mask.nii",
            fraction=0.3,
            patient="p1",
        )
    assert not (tmp_path / "mask.nii").exists()


@pytest.fixture
def turn(tmp_path, monkeypatch):
    """Reorient an image by a program of these lines."""

    def run(lines):
        program = tmp_path / "fslreorient2std"
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        (tmp_path / "t2w.nii").touch()
        fsl.reorient({"t2w": tmp_path / "t2w.nii"}, outputs={"t2w": tmp_path / "out.nii"}, patient="p1")

    return run


@pytest.mark.parametrize("written", ["", 'touch "$2"; '], ids=["without a file", "with a file"])
def test_a_return_code_excludes_one_patient(turn, written):
    with pytest.raises(PatientError, match=r"^patient p1: fslreorient2std failed \(no head\); look at the"):
        turn(f"{written}echo no head >&2; exit 2")


@pytest.mark.parametrize("ended", ["kill -9 $$", "sh -c 'kill -9 $$'; exit $?", "touch $2; kill -15 $$"])
def test_a_program_that_is_ended_from_outside_excludes_nobody(turn, ended):
    with pytest.raises(KilledError, match=r"^fslreorient2std was ended from outside \(return code "):
        turn(ended)


def test_a_missing_file_of_a_program_that_succeeded_excludes_nobody(turn):
    with pytest.raises(OSError, match="No such file or directory"):
        turn("echo disk full >&2")


def test_a_warning_of_a_program_that_succeeded_is_no_failure(turn):
    turn('touch "$2"; echo a warning >&2')


# -- with FSL


@needs_fsl
@pytest.mark.fsl
@pytest.mark.parametrize(("moving", "fixed"), list(product(("RAS", "LAS"), repeat=2)))
def test_flirt_moves_by_the_matrix(tmp_path, moving, fixed):
    moving = image(moving, shape=(40, 44, 24), spacing=(3.0, 3.0, 5.0), tilt=9)
    fixed = image(fixed, shape=(36, 38, 30), spacing=(4.0, 4.0, 5.0))
    data = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 1, moving.shape), 3).astype(np.float32)
    moving = nib.Nifti1Image(data, moving.affine)
    for name, img in (("moving", moving), ("fixed", fixed)):
        img.set_sform(img.affine, 1)
        img.set_qform(img.affine, 1)
        nib.save(img, tmp_path / f"{name}.nii")
    np.savetxt(tmp_path / "a.mat", flirt_matrix(TRANSFORM, moving=moving, fixed=fixed), fmt="%.9f")
    apply = fsl.application(
        tmp_path / "moving.nii",
        fixed=tmp_path / "fixed.nii",
        matrix=tmp_path / "a.mat",
        out=tmp_path / "out.nii",
    )
    apply.inputs.no_resample_blur = True
    apply.run()
    to_moving = np.linalg.inv(moving.affine) @ np.linalg.inv(TRANSFORM) @ fixed.affine
    expected = ndimage.affine_transform(data, to_moving, output_shape=fixed.shape, order=1)
    got = np.asanyarray(nib.load(tmp_path / "out.nii").dataobj)
    inside = ndimage.binary_erosion(expected != 0, iterations=2)
    assert inside.sum() > 1000
    np.testing.assert_allclose(got[inside], expected[inside], atol=1e-3 * data.std())


@needs_fsl
@pytest.mark.fsl
def test_the_whole_chain(tmp_path):
    """A head that is the moved atlas: the chain must undo the move of b0 and the further move of FLAIR."""
    atlas = {name: tmp_path / f"{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=(64, 74, 26), outputs=atlas)
    head = read_volume(atlas["t2w"], patient="atlas", series="t2w")
    brain = read_volume(atlas["brain_mask"], patient="atlas", series="mask").data
    rng = np.random.default_rng(0)
    left = np.zeros(head.shape, bool)
    middle = np.array([-35.0, -20.0, 20.0])
    i, j, k = np.rint(nib.affines.apply_affine(np.linalg.inv(head.affine), middle)).astype(int)
    left[i - 5 : i + 6, j - 5 : j + 6, k - 5 : k + 6] = True
    contrasts = {
        "t2w": head.data,
        "dwi": head.data * np.where(brain, 0.3, 0.2) + 0.35 * left,
        "flair": np.where(brain, 0.9 - 0.8 * head.data, 1.2 * head.data),
    }
    to_atlas = rotation(0, 8) @ rotation(2, -6) @ np.diag([0.97, 1.04, 1.02, 1.0])
    to_atlas[:3, 3] = 3.0, -8.0, 6.0
    to_t2w = rotation(1, 4)
    to_t2w[:3, 3] = 2.0, 3.0, -3.0
    raw = {}
    for series, data in contrasts.items():
        native = image("LAS" if series == "flair" else "RAS", shape=(100, 120, 30), spacing=(2.0, 2.0, 5.0))
        back = to_atlas @ to_t2w if series == "flair" else to_atlas
        matrix = np.linalg.inv(head.affine) @ back @ native.affine
        moved = 1000 * ndimage.affine_transform(data, matrix, output_shape=native.shape, order=1)
        noisy = np.hypot(moved + rng.normal(0, 12, moved.shape), rng.normal(0, 12, moved.shape))
        raw[series] = tmp_path / f"raw_{series}.nii"
        stored = nib.Nifti1Image(noisy.astype(np.float32), native.affine)
        stored.set_qform(native.affine, 1)
        nib.save(stored, raw[series])

    out = {name: tmp_path / f"out/{name}.nii" for name in (*SERIES, "brain_mask")}
    out |= {name: tmp_path / f"out/{name}" for name in ("t2w_to_atlas", "flair_to_t2w", "findings")}
    found = preprocess_patient(
        {**raw, "adc": None},
        patient="p1",
        b_value=1000.0,
        atlas_files=atlas,
        settings={
            "bias_correction": {"shrink": 4, "iterations": [10], "shared_dwi": True},
            "skull_stripping": {"fraction": 0.5, "robust": True},
            "registration_to_atlas": {"dof": 12, "cost": "corratio"},
            "second_stripping": {"fraction": 0.3},
            "co_registration": {"dof": 6, "cost": "normmi"},
        },
        outputs=out,
    )
    assert found.stripped == {"t2w": False, "dwi": False, "flair": False}

    grid = nib.load(atlas["grid"])
    volumes = {name: nib.load(out[name]) for name in (*SERIES, "brain_mask")}
    for volume in volumes.values():
        np.testing.assert_allclose(volume.affine, grid.affine, atol=1e-5)
        assert volume.shape == grid.shape
    inside = volumes["brain_mask"].get_fdata() > 0
    truth = nib.load(atlas["brain_mask_grid"]).get_fdata() > 0
    assert 2 * (inside & truth).sum() / (inside.sum() + truth.sum()) > 0.9
    assert not volumes["dwi"].get_fdata()[~inside].any()

    # every brain voxel of the atlas, back to the patient by the truth and forth by what was found
    world = nib.affines.apply_affine(grid.affine, np.argwhere(truth))
    for name, true in (("t2w_to_atlas", to_atlas), ("flair_to_t2w", to_t2w)):
        there_and_back = np.loadtxt(out[name]) @ np.linalg.inv(true)
        error = np.linalg.norm(nib.affines.apply_affine(there_and_back, world) - world, axis=1)
        assert error.mean() < 2.5, name

    dwi = volumes["dwi"].get_fdata()
    bright = nib.affines.apply_affine(grid.affine, np.argwhere(dwi > 0.6 * dwi.max())).mean(axis=0)
    assert np.linalg.norm(bright - middle) < 5  # on the left, where it was
