"""The open chain on a head made from the atlas by a known transform: all outputs are in the right place."""

import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from strokeclock.batches import read_batches
from strokeclock.errors import PatientError
from strokeclock.imaging import open_chain
from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.atlas import ATLAS_FILES, read_atlas
from strokeclock.imaging.chain import preprocess_batch
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.findings import read_findings
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume, read_volume, write_volume

IMAGES = ("t2w", "dwi", "flair", "adc", "brain_mask")
TRANSFORMS = ("t2w_to_atlas", "flair_to_t2w")


def moved(shift, **angles):
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(**angles)
    matrix[:3, 3] = shift
    return matrix


HEAD = moved((15, -30, 40), pitch=10)  # atlas world to T2w world
FLAIR = moved((3, -2, 4), yaw=4)  # T2w world to FLAIR world


@pytest.fixture(scope="module")
def raw(tmp_path_factory, head_of):
    """Raw series on disk, with a bright square far left and front on DWI to tell the sides apart."""
    folder = tmp_path_factory.mktemp("raw")
    t2w, dwi = head_of(HEAD), head_of(HEAD, series="dwi", seed=1)
    flair = head_of(FLAIR @ HEAD, series="flair", seed=2, shape=(110, 128, 26), spacing=(2, 2, 6.5))
    x, y, z = np.rint(np.linalg.inv(t2w.affine) @ HEAD @ [-45, 20, 20, 1]).astype(int)[:3]
    dwi.data[x - 2 : x + 3, y - 2 : y + 3, z - 1 : z + 2] = 500
    for name, volume in (("t2w", t2w), ("dwi", dwi), ("flair", flair)):
        write_volume(folder / f"{name}.nii.gz", volume)
    return {name: folder / f"{name}.nii.gz" for name in ("t2w", "dwi", "flair")} | {"adc": None}


def outputs(folder):
    return (
        {name: folder / f"{name}.nii.gz" for name in IMAGES}
        | {name: folder / "transforms" / f"{name}.txt" for name in TRANSFORMS}
        | {"findings": folder / "findings.json"}
    )


def run(raw, folder, atlas_files, **change):
    settings = {"b_value": 1000.0, "shrink": 4, "iterations": [20, 20], "shared_dwi": True}
    facts = preprocess_patient(
        raw,
        patient="p1",
        atlas=read_atlas(**{name: atlas_files[name] for name in ("t2w", "brain_mask", "grid")}),
        outputs=outputs(folder),
        **settings | change,
    )
    images = {name: read_volume(outputs(folder)[name], patient="p1", series="x") for name in IMAGES}
    return facts, images, {name: np.loadtxt(outputs(folder)[name]) for name in TRANSFORMS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def result(raw, folder, atlas_files):
    return run(raw, folder, atlas_files)


def test_everything_is_on_the_grid_and_masked(result, atlas_files):
    facts, images, _ = result
    grid = read_volume(atlas_files["grid"], patient="atlas", series="grid")
    inside = images["brain_mask"].data > 0
    assert not facts.derived
    assert facts.stripped == {"t2w": False, "dwi": False, "flair": False}
    for name in IMAGES:
        assert images[name].same_grid(grid)
        assert not images[name].data[~inside].any()
    for name in ("t2w", "dwi", "flair"):
        assert (images[name].data[inside] > 0).mean() > 0.98


def test_transforms_are_the_known_ones(result, brain_points):
    _, _, found = result
    homogeneous = np.vstack([brain_points, np.ones(brain_points.shape[1])])
    for got, true in ((found["t2w_to_atlas"] @ HEAD, np.eye(4)), (found["flair_to_t2w"] @ FLAIR, np.eye(4))):
        assert np.linalg.norm(((got - true) @ homogeneous)[:3], axis=0).mean() < 1.5


def test_brain_lies_on_the_atlas_brain(result, atlas_files):
    mask = result[1]["brain_mask"].data > 0
    true = read_volume(atlas_files["brain_mask_grid"], patient="atlas", series="mask").data > 0
    assert 2 * (mask & true).sum() / (mask.sum() + true.sum()) > 0.92


def test_series_agree_with_each_other_and_with_the_atlas(result, atlas_files):
    """Fluid is bright in T2w, dark in FLAIR and DWI, and diffuses; grey and white follow the atlas."""
    _, images, _ = result
    atlas = read_volume(atlas_files["grid"], patient="atlas", series="grid").data
    inside = images["brain_mask"].data > 0
    assert np.corrcoef(images["t2w"].data[inside], atlas[inside])[0, 1] > 0.9
    fluid = inside & (atlas > 0.8)
    for name, brighter in (("t2w", True), ("flair", False), ("dwi", False), ("adc", True)):
        data = images[name].data
        assert bool(data[fluid].mean() > np.median(data[inside])) is brighter


def test_left_stays_left(result):
    dwi = result[1]["dwi"]
    x, y, z = dwi.affine[:3, :3] @ np.unravel_index(dwi.data.argmax(), dwi.shape) + dwi.affine[:3, 3]
    assert abs(x + 45) < 8
    assert abs(y - 20) < 8
    assert abs(z - 20) < 10


def test_stored_direction_of_x_changes_nothing(raw, result, tmp_path, atlas_files):
    """The same volumes stored with x from right to left give the same arrays, exactly."""
    flipped = {}
    for name in ("t2w", "dwi", "flair"):
        volume = read_volume(raw[name], patient="p1", series=name)
        flip = np.diag([-1.0, 1, 1, 1])
        flip[0, 3] = volume.shape[0] - 1
        flipped[name] = tmp_path / f"{name}.nii.gz"
        write_volume(flipped[name], Volume(volume.data[::-1], volume.affine @ flip))
    _, images, transforms = run(flipped | {"adc": None}, tmp_path / "out", atlas_files)
    for name in IMAGES:
        assert np.array_equal(images[name].data, result[1][name].data)
    for name in TRANSFORMS:
        assert np.array_equal(transforms[name], result[2][name])


def test_same_input_gives_the_same_bytes(raw, result, folder, tmp_path, atlas_files):
    run(raw, tmp_path, atlas_files)
    for name, path in outputs(tmp_path).items():
        assert path.read_bytes() == outputs(folder)[name].read_bytes()


def test_stripped_without_b0(raw, tmp_path, atlas_files, atlas_mask):
    """As in public data: skull stripped, ADC in 1e-6 mm2/s instead of b0."""
    volumes = {name: read_volume(raw[name], patient="p1", series=name) for name in ("t2w", "dwi", "flair")}
    files = {"t2w": None}
    for name, transform in (("dwi", HEAD), ("flair", FLAIR @ HEAD)):
        v = volumes[name]
        mask = resample_mask(atlas_mask, shape=v.shape, affine=v.affine, transform=transform)
        files[name] = tmp_path / f"{name}.nii.gz"
        write_volume(files[name], Volume(v.data * mask.data, v.affine))
        if name == "dwi":
            ratio = np.maximum(volumes["t2w"].data, 1) / np.maximum(v.data, 1)
            files["adc"] = tmp_path / "adc.nii.gz"
            adc = np.clip(np.log(ratio), 0, 4) * 1000 * mask.data
            write_volume(files["adc"], Volume(adc.astype(np.float32), v.affine))
    facts, images, transforms = run(files, tmp_path / "out", atlas_files)
    assert facts.derived
    assert facts.stripped == {"t2w": True, "dwi": True, "flair": True}
    assert set(facts.scans) == {"dwi", "flair", "adc"}
    assert read_findings(outputs(tmp_path / "out")["findings"]) == facts
    assert np.allclose((transforms["t2w_to_atlas"] @ HEAD @ [0, -20, 10, 1])[:3], [0, -20, 10], atol=2)
    assert (images["brain_mask"].data.sum() * np.prod(images["dwi"].spacing)) / 1e6 == pytest.approx(
        1.9, abs=0.15
    )


@pytest.mark.parametrize("stripped", [("t2w", "dwi"), ("flair",)], ids=["EPI", "FLAIR"])
def test_some_series_stripped_and_others_not(raw, result, tmp_path, atlas_files, atlas_mask, stripped):
    """Each is told apart; brain and FLAIR land where those of the whole heads do."""
    files = dict(raw)
    for name in stripped:
        volume = read_volume(raw[name], patient="p1", series=name)
        grid = {"shape": volume.shape, "affine": volume.affine}
        mask = resample_mask(atlas_mask, **grid, transform=FLAIR @ HEAD if name == "flair" else HEAD)
        files[name] = tmp_path / f"{name}.nii.gz"
        write_volume(files[name], Volume(volume.data * mask.data, volume.affine))
    facts, images, transforms = run(files, tmp_path / "out", atlas_files)
    assert facts.stripped == {name: name in stripped for name in ("t2w", "dwi", "flair")}
    for name in TRANSFORMS:
        assert np.abs((transforms[name] - result[2][name]) @ [30, -20, 10, 1]).max() < 1.5
    both = [found["brain_mask"].data > 0 for found in (images, result[1])]
    assert 2 * (both[0] & both[1]).sum() / (both[0].sum() + both[1].sum()) > 0.96


@pytest.mark.parametrize("background", ["mean", "-1", "NaN"])
def test_a_stripped_brain_whose_background_is_not_0(raw, tmp_path, atlas_files, atlas_mask, background):
    files = dict(raw)
    masks = {}
    for name in ("t2w", "dwi"):
        volume = read_volume(raw[name], patient="p1", series=name)
        mask = resample_mask(atlas_mask, shape=volume.shape, affine=volume.affine, transform=HEAD).data > 0
        value = volume.data[mask].mean() if background == "mean" else float(background)
        files[name] = tmp_path / f"{name}.nii.gz"
        write_volume(files[name], Volume(np.where(mask, volume.data, np.float32(value)), volume.affine))
        masks[name] = mask
    facts, images, _ = run(files, tmp_path / "out", atlas_files)
    assert facts.stripped == {"t2w": True, "dwi": True, "flair": False}
    litres = images["brain_mask"].data.sum() * np.prod(images["dwi"].spacing) / 1e6
    assert litres == pytest.approx(1.9, abs=0.15)


def test_what_the_configuration_says_of_the_head_counts(raw, result, tmp_path, atlas_files):
    facts, images, _ = run(raw, tmp_path, atlas_files, head="stripped")
    assert facts.told == "stripped"
    assert all(facts.stripped.values())
    assert images["brain_mask"].data.sum() > 1.3 * result[1]["brain_mask"].data.sum()  # all that is above 0


def test_own_field_for_dwi(raw, result, tmp_path, atlas_files):
    _, images, _ = run(raw, tmp_path, atlas_files, shared_dwi=False)
    assert np.array_equal(images["t2w"].data, result[1]["t2w"].data)
    assert not np.array_equal(images["dwi"].data, result[1]["dwi"].data)
    assert np.array_equal(images["adc"].data, result[1]["adc"].data)


def test_truncated_series_excludes_the_patient_and_writes_nothing(raw, tmp_path, atlas_files):
    cut = tmp_path / "flair.nii.gz"
    cut.write_bytes(Path(raw["flair"]).read_bytes()[:-5000])
    with pytest.raises(PatientError, match=r"flair.nii.gz is truncated or damaged; copy it again"):
        run(raw | {"flair": cut}, tmp_path / "out", atlas_files)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["open_chain", "chain"])
def test_heavy_packages_stay_out(module):
    """Importing them costs seconds in every process."""
    heavy = {"ants", "nipype", "pandas", "torch", "nilearn", "matplotlib", "numba", "sklearn"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, strokeclock.imaging.{module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "src")},
    )
    assert not heavy & set(done.stdout.split())


def test_a_dwi_that_moved_is_registered_on_request(raw, tmp_path, atlas_files):
    """Two voxels (5 mm) to the right: found, and the spot is back where the T2w has it."""
    dwi = read_volume(raw["dwi"], patient="p1", series="dwi")
    moved = tmp_path / "moved.nii.gz"
    write_volume(moved, Volume(np.roll(dwi.data, 2, axis=0), dwi.affine))
    out = tmp_path / "out"
    preprocess_patient(
        raw | {"dwi": moved},
        patient="p1",
        b_value=1000.0,
        atlas=read_atlas(**{name: atlas_files[name] for name in ("t2w", "brain_mask", "grid")}),
        shrink=4,
        iterations=[20, 20],
        shared_dwi=True,
        register_dwi=True,
        outputs=outputs(out) | {"dwi_to_t2w": out / "transforms/dwi_to_t2w.txt"},
    )
    found = np.loadtxt(out / "transforms/dwi_to_t2w.txt")
    centre = found[:3] @ np.append(dwi.centre, 1) - dwi.centre
    assert np.allclose(centre, -dwi.affine[:3, 0] * 2, atol=0.5)
    test_left_stays_left((None, {"dwi": read_volume(out / "dwi.nii.gz", patient="p1", series="dwi")}, None))


def test_a_batch_goes_on_after_a_patient_who_cannot_be_used(raw, tmp_path, atlas_files, monkeypatch):
    seen = {}
    whole = open_chain.preprocess_patient

    @functools.wraps(whole)
    def preprocess(raw, *, patient, **rest):
        seen[patient] = rest
        if patient == "p1":
            raise PatientError(patient, "dwi file is truncated")
        return whole(raw, patient=patient, **rest)

    monkeypatch.setattr(open_chain, "preprocess_patient", preprocess)
    preprocessed = {patient: outputs(tmp_path / patient) for patient in ("p1", "p2")}
    preprocess_batch(
        preprocessed,
        tmp_path / "table.tsv",
        raw=dict.fromkeys(preprocessed, raw),
        b_values={"p1": 1000.0, "p2": 900.0},
        heads={"p1": "auto", "p2": "whole"},
        **{f"atlas_{name}": atlas_files[name] for name in ATLAS_FILES[:4]},
        toolchain="open",
        settings={
            "register_dwi": False,
            "shrink": 4,
            "iterations": [20, 20],
            "shared_dwi": True,
            "t2w_dof": 12,
        },
    )
    assert {read_exclusion(path) for path in preprocessed["p1"].values()} == {"dwi file is truncated"}
    assert [read_exclusion(path) for path in preprocessed["p2"].values()] == [None] * len(preprocessed["p2"])
    assert [rest["b_value"] for rest in seen.values()] == [1000.0, 900.0]
    assert [rest["head"] for rest in seen.values()] == ["auto", "whole"]
    assert read_batches(tmp_path / "table.tsv") == {
        patient: {name: str(path) for name, path in files.items()} for patient, files in preprocessed.items()
    }
