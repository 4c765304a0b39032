"""Faulty input beside good, in native space: one sentence for each fault, and the other patients go on."""

import csv

import numpy as np
import pytest
import yaml

from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def raw(tmp_path_factory, root):
    """One good phantom patient in native space."""
    folder = tmp_path_factory.mktemp("raw")
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    write_patient(
        make_patient(3, seed=settings["seed"], settings=settings),
        scans={name: folder / f"{name}.nii.gz" for name in SERIES},
        lesion=folder / "lesion.nii.gz",
        brain_mask=folder / "brain_mask.nii.gz",
    )
    return folder


@pytest.fixture(scope="module")
def results(raw, tmp_path_factory, run_snakemake):
    folder = tmp_path_factory.mktemp("faults")
    lines = ["patient\tt2w\tdwi\tflair\tonset_to_mri_min\tlesion_side"]

    def add(patient, onset="120", **replaced):
        series = {name: replaced.get(name, raw / f"{name}.nii.gz") for name in SERIES}
        lines.append("\t".join([patient, *(str(series[name]) for name in SERIES), onset, "left"]))

    cut = folder / "cut.nii.gz"
    cut.write_bytes((raw / "dwi.nii.gz").read_bytes()[:-2000])
    text = folder / "text.nii.gz"
    text.write_text("not an image")
    add("good")
    add("cut", dwi=cut)
    add("text", flair=text)
    add("gone", t2w=folder / "gone.nii.gz")
    add("early", onset="-10")
    add("unknown", onset="")
    sheet = folder / "cohort.tsv"
    sheet.write_text("\n".join(lines) + "\n")
    config = {
        "run": "faults",
        "cohort": {"sheet": str(sheet)},
        "split": {"counts": None},
        "preprocessing": {"toolchain": "open", "grid": [64, 64, 16]},
    }
    process = run_snakemake(folder, "quality", "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout
    return folder / "results/faults"


def test_each_faulty_patient_is_excluded_with_a_reason_that_names_the_place(results):
    with open(results / "cohort/exclusions.tsv", newline="") as file:
        reasons = {row["patient"]: row["reason"] for row in csv.DictReader(file, delimiter="\t")}
    assert set(reasons) == {"cut", "text", "gone", "early", "unknown"}
    assert "cut.nii.gz" in reasons["cut"]
    assert "text.nii.gz" in reasons["text"]
    assert "gone.nii.gz, which is not there" in reasons["gone"]
    assert "onset_to_mri_min is -10" in reasons["early"]
    assert "no time of onset: fill column onset_to_mri_min" in reasons["unknown"]


def test_the_good_patient_goes_on(results):
    assert np.load(results / "hemispheres/good.npy").shape == (2, 3, 32, 64, 16)


def test_no_result_of_an_excluded_patient_can_be_taken_for_a_volume(results):
    assert "cut.nii.gz" in read_exclusion(results / "preprocessed/cut/t2w.nii.gz")
    assert "cut.nii.gz" in read_exclusion(results / "hemispheres/cut.npy")


def test_the_quality_page_shows_everyone_who_was_begun(results):
    page = (results / "quality/index.html").read_text()
    assert all(patient in page for patient in ("good", "cut", "text"))
