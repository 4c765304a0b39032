"""One patient through either toolchain: the settings that arrive, the bytes of the batch, errors."""

import functools
import tempfile
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml

from strokeclock.errors import ConfigurationError, MissingSoftwareError, PatientError
from strokeclock.imaging import fsl_chain, open_chain
from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.atlas import ATLAS_FILES, Atlas, read_atlas
from strokeclock.imaging.chain import check_call, prepare, preprocess, preprocess_batch
from strokeclock.imaging.contract import ToolchainError
from strokeclock.imaging.findings import read_findings
from strokeclock.imaging.fsl import PROGRAMS
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.settings.preprocessing import Preprocessing
from strokeclock.toolchain import name_outputs, pick_settings

CHANNELS = ("dwi", "t2w", "flair")
HEAD = np.eye(4)  # atlas world to T2w world
HEAD[:3, :3], HEAD[:3, 3] = rotation(pitch=8), (9, -20, 30)
GRID = {"shape": (64, 76, 24), "spacing": (3.5, 3.5, 7.0)}


@pytest.fixture(scope="module")
def raw(tmp_path_factory, head_of):
    """Raw series on disk, small."""
    folder = tmp_path_factory.mktemp("raw")
    for seed, name in enumerate(("t2w", "dwi", "flair")):
        write_volume(folder / f"{name}.nii.gz", head_of(HEAD, series=name, seed=seed, **GRID))
    return {name: str(folder / f"{name}.nii.gz") for name in CHANNELS}


@pytest.fixture
def preprocessing(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())["preprocessing"]


@pytest.fixture
def go(tmp_path, atlas_files, preprocessing):
    """Preprocess a patient into `outputs`."""

    def run(raw, *, channels=CHANNELS, **change):
        section = preprocessing | change
        return preprocess(
            raw,
            patient="p1",
            b_value=1000.0,
            head="auto",
            atlas_files=atlas_files,
            preprocessing=section,
            outputs=outputs(tmp_path / "out", channels),
        )

    return run


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """FSL's programs by name, as scripts that fail."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text("#!/bin/sh\necho no head here >&2\nexit 1\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("FSLDIR", str(tmp_path))


def outputs(folder, channels=CHANNELS):
    return name_outputs(channels, register_dwi=False, folder=str(folder))


def nothing_left():
    """What follows a call that is only recorded (`seen`)."""
    return pytest.raises(ToolchainError, match="returned NoneType")


def read_all(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# -- settings


@pytest.fixture
def seen(monkeypatch):
    """What each chain is called with, in place of doing it: then the check of its files stops the call."""
    calls = {}

    def record(name, whole):
        return functools.wraps(whole)(lambda raw, **rest: calls.update({name: (raw, rest)}))

    for module in (open_chain, fsl_chain):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, "preprocess_patient", record(name, module.preprocess_patient))
    return calls


def test_the_open_toolchain_gets_the_configuration(go, seen, tmp_path, atlas_files):
    with nothing_left():
        go({"dwi": "d.nii", "t2w": None, "adc": "a.nii", "flair": "f.nii"}, toolchain="open")
    ((raw, values),) = seen.values()
    atlas = values.pop("atlas")
    assert raw == {"t2w": None, "dwi": "d.nii", "flair": "f.nii", "adc": "a.nii"}
    assert values == {
        "patient": "p1",
        "b_value": 1000.0,
        "head": "auto",
        "register_dwi": False,
        "t2w_dof": 12,
        "shrink": 4,
        "iterations": [30, 30, 30],
        "shared_dwi": True,
        "outputs": outputs(tmp_path / "out"),
    }
    expected = read_atlas(**{name: atlas_files[name] for name in Atlas._fields})
    for found, true in zip(atlas, expected, strict=True):
        assert np.array_equal(found.data, true.data)


def test_the_fsl_toolchain_gets_the_configuration(go, seen, tmp_path, atlas_files):
    with nothing_left():
        go({"dwi": "d.nii", "t2w": "t.nii"}, toolchain="fsl", dwi_transform="register", channels=("dwi",))
    assert seen == {
        "fsl_chain": (
            {"t2w": "t.nii", "dwi": "d.nii", "adc": None},
            {
                "patient": "p1",
                "b_value": 1000.0,
                "head": "auto",
                "atlas_files": atlas_files,
                "register_dwi": True,
                "settings": {
                    "bias_correction": {"shrink": 4, "iterations": [50, 50, 30, 20], "shared_dwi": True},
                    "skull_stripping": {"fraction": 0.5, "robust": True},
                    "registration_to_atlas": {"dof": 12, "cost": "corratio"},
                    "second_stripping": {"fraction": 0.3},
                    "co_registration": {"dof": 6, "cost": "normmi"},
                },
                "outputs": outputs(tmp_path / "out", ("dwi",)),
            },
        )
    }


# -- a batch


@pytest.fixture
def go_batch(tmp_path, atlas_files, preprocessing):
    """Preprocess patients into `outputs` of their own folders, as the rule does."""

    def run(raw, **change):
        section = preprocessing | change
        preprocess_batch(
            {patient: outputs(tmp_path / "batch" / patient) for patient in raw},
            tmp_path / "table.tsv",
            raw=raw,
            b_values=dict.fromkeys(raw, 1000.0),
            heads=dict.fromkeys(raw, "auto"),
            **{f"atlas_{name}": atlas_files[name] for name in ATLAS_FILES[:4]},
            toolchain=section["toolchain"],
            settings=pick_settings(section),
        )

    return run


def test_the_bytes_are_those_of_the_batch(go, go_batch, raw, tmp_path):
    findings = go(raw, toolchain="open")
    go_batch({"p1": raw | {"adc": None}}, toolchain="open")
    assert read_all(tmp_path / "out") == read_all(tmp_path / "batch/p1")
    assert len(read_all(tmp_path / "out")) == 8
    assert read_findings(tmp_path / "out/findings.json") == findings


@pytest.mark.parametrize("toolchain", ["open", "fsl"])
def test_a_batch_gives_each_patient_what_a_single_one_gets(go, go_batch, seen, tmp_path, toolchain):
    series = {name: str(tmp_path / f"{name}.nii") for name in CHANNELS} | {"adc": None}
    for name in CHANNELS:
        (tmp_path / f"{name}.nii").touch()
    with nothing_left():
        go(series, toolchain=toolchain)
    single = dict(seen)
    seen.clear()
    with nothing_left():
        go_batch({"p1": series}, toolchain=toolchain)
    ((name, (raw, values)),) = seen.items()
    expected_raw, expected = single[name]
    assert raw == expected_raw
    assert values.pop("outputs") == outputs(tmp_path / "batch/p1")
    expected.pop("outputs")
    for name in ("atlas", "atlas_files"):  # volumes, not numbers; and files that FSL does not take
        values.pop(name, None), expected.pop(name, None)
    assert values == expected


@pytest.fixture
def leaving(monkeypatch):
    """Change what the open toolchain has left of a patient."""
    whole = open_chain.preprocess_patient

    def change(fault):
        def faulty(raw, *, patient, outputs, **rest):
            found = whole(raw, patient=patient, outputs=outputs, **rest)
            fault(patient, outputs)
            return found

        monkeypatch.setattr(open_chain, "preprocess_patient", functools.wraps(whole)(faulty))

    return change


def fill_flair(patient, outputs):
    volume = read_volume(outputs["flair"], patient=patient, series="flair")
    write_volume(outputs["flair"], Volume(volume.data + 1, volume.affine))


def test_a_fault_of_the_toolchain_stops_the_job_and_excludes_nobody(go_batch, raw, tmp_path, leaving):
    leaving(lambda patient, outputs: Path(outputs["adc"]).unlink())
    with pytest.raises(ToolchainError, match=r"toolchain open left no file adc.nii.gz \(patient p1\)"):
        go_batch({"p1": raw, "p2": raw}, toolchain="open")
    assert not (tmp_path / "batch/p2").exists()
    assert not (tmp_path / "table.tsv").exists()


def test_the_voxels_of_the_first_patient_who_is_used_are_looked_at(go_batch, raw, leaving):
    leaving(fill_flair)
    with pytest.raises(ToolchainError, match=r"left flair.nii.gz with values .* \(patient p2\)"):
        go_batch({"p1": {**raw, "flair": None}, "p2": raw, "p3": raw}, toolchain="open")


def test_the_voxels_of_a_single_patient_are_looked_at(go, raw, leaving):
    leaving(fill_flair)
    with pytest.raises(ToolchainError, match=r"left flair.nii.gz with values other than 0"):
        go(raw, toolchain="open")


def test_an_absent_toolchain_excludes_nobody(go_batch, raw, tmp_path, monkeypatch):
    monkeypatch.delenv("FSLDIR", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingSoftwareError, match="FSL is absent"):
        go_batch({"p1": raw, "p2": raw}, toolchain="fsl")
    assert not (tmp_path / "batch").exists()
    assert not (tmp_path / "table.tsv").exists()


@pytest.mark.parametrize("name", get_args(Preprocessing.model_fields["toolchain"].annotation))
def test_every_toolchain_that_can_be_chosen_fits_how_it_is_called(preprocessing, atlas_files, name):
    preprocessing["toolchain"] = name
    assert prepare(name, settings=pick_settings(preprocessing), atlas_files=atlas_files)


def test_a_toolchain_without_a_function_is_refused(atlas_files, monkeypatch):
    monkeypatch.delattr(open_chain, "preprocess_patient")
    said = r"^The toolchain open has no function: write preprocess_patient in strokeclock.imaging.open_chain"
    with pytest.raises(ConfigurationError, match=said):
        prepare("open", settings={}, atlas_files=atlas_files)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda raw, *, patient, b_value, outputs: None, "unexpected keyword argument 'head'"),
        (lambda raw, *, patient, b_value, head, outputs, atlas: None, "missing a required.* 'atlas'"),
        (lambda *, patient, b_value, head, outputs: None, "too many positional"),
        (lambda raw, *, fwhm=3.0, **given: None, "nothing is given to the argument 'fwhm'"),
    ],
)
def test_a_function_that_takes_other_arguments_is_refused_before_any_patient(function, fault):
    """Its TypeError would exclude every patient; its default would take the place of a setting."""
    with pytest.raises(ConfigurationError, match=f"toolchain own does not fit .*{fault}"):
        check_call("own", function, {})


@pytest.mark.parametrize("name", ["open", "fsl"])
def test_a_setting_that_the_function_does_not_take_is_refused(preprocessing, atlas_files, name):
    preprocessing["toolchain"] = name
    settings = pick_settings(preprocessing) | {"sharpen": 2}
    with pytest.raises(ConfigurationError, match=f"toolchain {name} does not fit .* argument 'sharpen'"):
        prepare(name, settings=settings, atlas_files=atlas_files)


def test_a_series_that_is_not_asked_for_is_not_read(go, raw, tmp_path):
    go(raw | {"flair": str(tmp_path / "gone.nii.gz")}, toolchain="open", channels=("dwi", "t2w"))
    assert not [*(tmp_path / "out").rglob("flair*")]
    assert (tmp_path / "out/dwi.nii.gz").is_file()


@pytest.mark.parametrize("toolchain", ["open", "fsl"])
def test_a_series_that_is_asked_for_and_absent_excludes_the_patient(go, raw, tmp_path, toolchain, programs):
    with pytest.raises(PatientError, match=r"^patient p1: has no FLAIR; "):
        go({"dwi": raw["dwi"], "t2w": raw["t2w"]}, toolchain=toolchain)
    assert not (tmp_path / "out").exists()


# -- the toolchain fsl


def test_absent_fsl_is_said_before_any_work(go, tmp_path, monkeypatch, scratch):
    monkeypatch.delenv("FSLDIR", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingSoftwareError, match=r"^preprocessing.toolchain is fsl, but FSL is absent \("):
        go(dict.fromkeys(CHANNELS, "gone.nii.gz"), toolchain="fsl")
    assert not (tmp_path / "out").exists()
    assert not [*scratch.iterdir()]


def test_a_temporary_folder_with_a_space_is_refused(go, raw, programs, monkeypatch):
    """bet and fslreorient2std are shell scripts that do not quote their arguments."""
    monkeypatch.setenv("TMPDIR", "/my scratch")
    with pytest.raises(ConfigurationError, match="TMPDIR names a folder with a space in its path"):
        go(raw, toolchain="fsl")


@pytest.mark.parametrize("damaged", [True, False], ids=["a damaged series", "a program that fails"])
def test_intermediate_files_are_removed_after_an_error(go, raw, tmp_path, programs, scratch, damaged):
    files = dict(raw)
    if damaged:
        files["flair"] = str(tmp_path / "flair.nii.gz")
        (tmp_path / "flair.nii.gz").write_bytes(b"no gzip")
    reason = "flair file flair.nii.gz " if damaged else r"fslreorient2std failed \(no head here\)"
    n4 = {"shrink": 4, "iterations": [2], "shared_dwi": True}
    with pytest.raises(PatientError, match=reason):
        go(files, toolchain="fsl", n4=n4)
    assert not [*scratch.iterdir()]
    assert not (tmp_path / "out/t2w.nii.gz").exists()
