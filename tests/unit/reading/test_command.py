"""The command line of reading: exit status and one sentence for each kind of fault; other folders stay."""

import json

import pytest

from strokeclock.cli import main
from strokeclock.phantom.patient import make_patient, write_patient
from strokeclock.settings.patients import Phantom


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    scans = {name: folder / f"in/{name}.nii.gz" for name in ("t2w", "dwi", "flair")}
    patient = make_patient(3, seed=7, settings=Phantom().model_dump())
    write_patient(patient, scans=scans, lesion=folder / "lesion.nii.gz", brain_mask=folder / "brain.nii.gz")
    return folder / "in"


def read(*arguments):
    return main(["read", *map(str, arguments)])


def test_a_page_is_written(study, bundle_path, tmp_path, capsys):
    assert read("-i", study, "-m", bundle_path, "-o", tmp_path / "out", "--side", "left", "--dicom") == 0
    said = capsys.readouterr()
    assert said.out.startswith("answered: TSS < 4.5 h: ")
    assert said.out.splitlines()[1] == f"The page is {tmp_path / 'out/index.html'}."
    assert "preprocessing" in said.err
    reading = json.loads((tmp_path / "out/reading.json").read_text())
    assert reading["notes"][-1] == "No DICOM is written, because the source is none."
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        ".gitignore",
        "index.html",
        "reading.json",
        "lesion.nii.gz",
        "log.txt",
    }
    for path in (tmp_path / "out").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
        assert str(study).encode() not in path.read_bytes(), path.name


def test_a_page_without_a_time_is_a_page(study, bundle_path, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/dwi.nii.gz").write_bytes((study / "dwi.nii.gz").read_bytes())
    assert read("-i", tmp_path / "in", "-m", bundle_path, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.startswith("missing_series: Missing: T2w or ADC; FLAIR. Give")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Nothing to read: name a study with -i"),
        (("-i", "{tmp}/absent"), "The source is not there: correct its path."),
        (("--flair", "{tmp}/absent.nii.gz"), "The FLAIR file absent.nii.gz is not there"),
    ],
)
def test_wrong_use_is_status_2(bundle_path, tmp_path, capsys, arguments, sentence):
    given = [one.format(tmp=tmp_path) for one in arguments]
    assert read(*given, "-m", bundle_path, "-o", tmp_path / "out") == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_stays_as_it_is(study, bundle_path, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    assert read("-i", study, "-m", bundle_path, "-o", tmp_path / "out") == 2
    assert "holds other files: name a new one" in capsys.readouterr().err
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"
    assert read("-i", study, "-m", bundle_path, "-o", study / "out") == 2
    assert "The output lies in the source" in capsys.readouterr().err


def test_a_bundle_that_cannot_be_used_is_status_1(study, tmp_path, capsys):
    (tmp_path / "model.zip").write_bytes(b"PK garbage")
    assert read("-i", study, "-m", tmp_path / "model.zip", "-o", tmp_path / "out") == 1
    assert capsys.readouterr().err == (
        "strokeclock: Bundle model.zip is no bundle, or is damaged: copy it again.\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("action", ["verify", "show"])
def test_bundles_are_shown_and_verified(bundle_path, tmp_path, capsys, action):
    assert main(["bundle", action, str(bundle_path)]) == 0
    said = capsys.readouterr().out
    assert ("each as its manifest says" in said) == (action == "verify")
    assert ("# small, version 1" in said) == (action == "show")
    assert main(["bundle", action, str(tmp_path / "absent.zip")]) == 1
    assert "absent.zip cannot be read (No such file or directory)" in capsys.readouterr().err


def test_a_runs_bundle_is_copied(bundle_path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bundle", "export", "mine", "-o", "copy.zip"]) == 2
    assert "run `snakemake bundle`" in capsys.readouterr().err
    made = tmp_path / "results/mine/bundle/model.zip"
    made.parent.mkdir(parents=True)
    made.write_bytes(bundle_path.read_bytes())
    assert main(["bundle", "export", "mine", "-o", "copy.zip"]) == 0
    assert (tmp_path / "copy.zip").read_bytes() == made.read_bytes()
