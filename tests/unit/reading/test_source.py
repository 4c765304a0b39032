"""The series of one patient, from whatever holds them; several patients are refused, doubts are told."""

import json

import nibabel as nib
import numpy as np
import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.reading.source import find_study

SHAPE = (30, 32, 12)


def write(path, *, shape=SHAPE, seed=0, sidecar=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(seed).integers(1, 900, shape).astype(np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([3.0, 3.0, 6.0, 1.0])), path)
    if sidecar is not None:
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))
    return path


def fill(folder, names=("b0", "dwi", "flair")):
    for number, name in enumerate(names):
        write(folder / f"{name}.nii.gz", seed=number)
    return folder


def find(source, tmp_path, **files):
    return find_study(source, tmp_path / "images", files=files)


def test_a_folder_of_images(tmp_path):
    study = find(fill(tmp_path / "in"), tmp_path)
    assert {*study.raw} == {"t2w", "dwi", "flair"}
    assert all(path.parent == tmp_path / "images" for path in study.raw.values())
    assert study.b_value == 1000
    assert not study.sources
    assert study.protocol.read_text().count("\n") == 4
    assert "in" not in study.protocol.read_text().split("\t")


def test_files_stand_alone(tmp_path):
    folder = tmp_path / "in"
    named = {name: write(folder / f"DOE_{number}.nii.gz", seed=number) for number, name in
             enumerate(("t2w", "dwi", "flair"))}  # fmt: skip
    study = find(None, tmp_path, **named)
    assert {name: path.name for name, path in study.raw.items()} == {name: f"{name}.nii.gz" for name in named}
    assert study.what.pop("dwi") == "named on the command line; b 1000 is assumed, since no file says it"
    assert set(study.what.values()) == {"named on the command line"}


def test_a_file_precedes_what_is_found(tmp_path):
    other = write(tmp_path / "other/x.nii.gz", seed=9)
    study = find(fill(tmp_path / "in"), tmp_path, flair=other)
    assert np.array_equal(nib.load(study.raw["flair"]).get_fdata(), nib.load(other).get_fdata())
    assert {*study.raw} == {"t2w", "dwi", "flair"}


def test_the_b_value_of_a_sidecar_is_used(tmp_path):
    dwi = write(tmp_path / "in/x.nii.gz", sidecar={"DiffusionBValue": 800})
    assert find(None, tmp_path, dwi=dwi).b_value == 800


def test_the_b_value_of_a_file_beside_it_is_used(tmp_path):
    dwi = write(tmp_path / "in/x.nii.gz")
    (tmp_path / "in/x.bval").write_text("800\n")
    study = find(None, tmp_path, dwi=dwi)
    assert study.b_value == 800
    assert study.what["dwi"] == "named on the command line, b 800 by .bval"


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("0", "its .bval file says b 0"),
        ("0 1000", "1 volume and its .bval file 2 numbers"),
        ("x", "does not hold b-values"),
        ("200", "its b-value is 200"),
    ],
)
def test_a_volume_that_is_no_dwi_by_its_b_values(tmp_path, text, doubt):
    dwi = write(tmp_path / "in/x.nii.gz")
    (tmp_path / "in/x.bval").write_text(text)
    study = find(None, tmp_path, dwi=dwi)
    assert "dwi" not in study.raw
    assert doubt in study.doubts["dwi"]


def test_several_volumes_need_their_b_values(tmp_path):
    dwi = write(tmp_path / "in/x.nii.gz", shape=(*SHAPE, 2))
    study = find(None, tmp_path, dwi=dwi)
    assert "dwi" not in study.raw
    assert "has no .bval file" in study.doubts["dwi"]
    (tmp_path / "in/x.bval").write_text("0 1000\n")
    study = find(None, tmp_path, dwi=dwi)
    assert {*study.raw} == {"dwi", "t2w"}
    assert study.b_value == 1000
    volumes = nib.load(dwi).get_fdata()
    assert np.allclose(nib.load(study.raw["t2w"]).get_fdata(), volumes[..., 0])
    assert np.allclose(nib.load(study.raw["dwi"]).get_fdata(), volumes[..., 1])


def bids(root, subject, session=""):
    folder, name = root / subject / session, f"{subject}_{session}_" if session else f"{subject}_"
    write(folder / f"anat/{name}FLAIR.nii.gz", sidecar={"InversionTime": 2.5})
    dwi = write(folder / f"dwi/{name}dwi.nii.gz", shape=(*SHAPE, 2), seed=len(session))
    dwi.with_name(f"{name}dwi.bval").write_text("0 1000\n")


def test_a_bids_subject_is_read_with_what_the_set_says_of_all(tmp_path):
    for subject in ("sub-1", "sub-12"):
        bids(tmp_path / "set", subject)
    (tmp_path / "set/FLAIR.json").write_text('{"MagneticFieldStrength": 3}')
    study = find(tmp_path / "set/sub-1", tmp_path)
    assert {*study.raw} == {"t2w", "dwi", "flair"}
    rows = [line.split("\t") for line in study.protocol.read_text().splitlines()]
    (flair,) = (row for row in rows if row[1] == "flair")
    assert flair[rows[0].index("field_t")] == "3"


def test_a_session_is_read_alone(tmp_path):
    for session in ("ses-1", "ses-02"):
        bids(tmp_path / "set", "sub-1", session)
    study = find(tmp_path / "set/sub-1/ses-02", tmp_path)
    own = nib.load(tmp_path / "set/sub-1/ses-02/dwi/sub-1_ses-02_dwi.nii.gz").get_fdata()
    assert np.allclose(nib.load(study.raw["dwi"]).get_fdata(), own[..., 1])


@pytest.mark.parametrize("form", ["bids", "plain"])
def test_several_patients_are_refused(tmp_path, form):
    for subject in ("sub-1", "sub-2"):
        if form == "bids":
            bids(tmp_path / "set", subject)
        else:
            fill(tmp_path / "set" / subject.replace("sub-", "Miller"))
    with pytest.raises(ConfigurationError, match="holds 2 patients: name the folder of one of them"):
        find(tmp_path / "set", tmp_path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match="The source is not there: correct its path"):
        find(tmp_path / "absent", tmp_path)
    with pytest.raises(ConfigurationError, match=r"The FLAIR file absent\.nii\.gz is not there"):
        find(None, tmp_path, flair=tmp_path / "absent.nii.gz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no image"):
        find(tmp_path / "empty", tmp_path)


def test_two_that_are_alike_are_a_doubt(tmp_path):
    folder = fill(tmp_path / "in")
    write(folder / "flair2.nii.gz", seed=7)
    study = find(folder, tmp_path)
    if "flair" not in study.raw:
        assert study.doubts["flair"].startswith("several series could be it (")
    else:  # the names tell them apart
        assert not study.doubts


def test_a_damaged_file_is_a_doubt_without_its_name(tmp_path):
    folder = fill(tmp_path / "in")
    (folder / "flair.nii.gz").unlink()
    bad = folder / "DOE_JANE_flair.nii.gz"
    bad.write_bytes(b"\x1f\x8b garbage")
    study = find(None, tmp_path, flair=bad)
    assert "flair" not in study.raw
    assert study.doubts["flair"]
    assert "DOE" not in study.doubts["flair"]
