"""From other people's folders to trained networks without a step by hand: a BIDS set and DICOM exports.

The BIDS set has the names and habits of SOOP (OpenNeuro ds004889), and the exports those of three vendors.
Both hold phantoms as whole heads.
"""

import csv
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from phantom_files import name_files

from strokeclock.batches import read_batches
from strokeclock.cli import main
from strokeclock.phantom.clinic import cohort_seed, draw_patient
from strokeclock.phantom.patient import make_batch, number_of
from strokeclock.phantom.sites import SITES
from strokeclock.phantom.studies import write_studies
from strokeclock.phantom.study import Stack, map_adc

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENTS = 8  # a site
SMALL = {  # what makes trainings short; the rest is the demo's
    "phantom": {"patients": 0},
    "initial_weights": {"medical_2d": {"source": None}, "medical_3d": {"source": None}},
    "split": {"counts": None, "fractions": [0.5, 0.25, 0.25]},
    "training": {
        "phase0_genesis": None,  # holds out one training patient in five, and SOOP has four
        **{name: {"epochs": 1} for name in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5")},
    },
}
MODELS = ("models/2d/phase1_stroke/random/seed-0/model.pt", "models/3d/phase3_tss4h5/phase2/seed-0/model.pt")
WITHOUT_ONSET = (  # what a cohort without any onset can teach: lesion or not
    "models/2d/phase1_stroke/random/seed-0/model.pt",
    "models/3d/phase1_stroke/random/seed-0/model.pt",
)


def onset(number):
    """Minutes by turns, so that a few patients of each class are in every part."""
    return (100, 220, 400, 700)[number % 4] + number


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory, root):
    """Site -> patient -> its scans, lesion and DICOM study, and the record."""
    made = {}
    for site in SITES:
        folder = tmp_path_factory.mktemp(site)
        settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"] | {"site": site}
        files = name_files(folder, PATIENTS)
        make_batch(files, folder / "table.tsv", settings=settings)
        studies = {name: str(folder / name / "dicom") for name in files}
        write_studies(folder / "table.tsv", folder / "studies.tsv", folders=studies, settings=settings)
        made[site] = {
            name: scans
            | {"dicom": studies[name]}
            | {"record": draw_patient(number_of(name), seed=cohort_seed(settings), settings=settings)}
            for name, scans in read_batches(folder / "table.tsv").items()
        }
    return made


def write_soop(folder, patients):
    """Write a set with the names of SOOP: TRACE, ADC, FLAIR, no b0, no onset; masks apart; CRLF."""
    lines = ["participant_id\tsex\tage\tnihss"]
    for number, scans in enumerate(patients.values(), start=1):
        name, record = f"sub-{number}", scans["record"]
        b0, b1000 = (nib.load(scans[series]) for series in ("t2w", "dwi"))
        stacks = (Stack(np.asarray(image.dataobj), image.affine, b) for image, b in ((b0, 0), (b1000, 1000)))
        adc = map_adc(*stacks)
        for kind in ("anat", "dwi"):
            (folder / name / kind).mkdir(parents=True)
        shutil.copy(scans["flair"], folder / name / f"anat/{name}_FLAIR.nii.gz")
        shutil.copy(scans["flair"], folder / name / f"anat/{name}_T1w.nii.gz")
        shutil.copy(scans["dwi"], folder / name / f"dwi/{name}_rec-TRACE_dwi.nii.gz")
        nib.save(nib.Nifti1Image(adc.data, adc.affine), folder / name / f"dwi/{name}_rec-ADC_dwi.nii.gz")
        masks = folder / f"derivatives/lesion_masks/{name}/dwi"
        masks.mkdir(parents=True)
        shutil.copy(scans["lesion"], masks / f"{name}_space-TRACE_desc-lesion_mask.nii.gz")
        shutil.copy(scans["lesion"], masks / f"{name}_space-TRACE_desc-lesionAcute_mask.nii.gz")
        age = "89+" if number == 1 else record.age
        lines.append(f"{name}\t{record.sex}\t{age}\t{record.nihss}")
    (folder / "dwi.bval").write_text("0\n")
    (folder / "dataset_description.json").write_text('{"Name": "SOOP", "BIDSVersion": "1.6.0"}')
    (folder / "participants.tsv").write_text("\r\n".join(lines) + "\r\n")


def train(folder, sheet, run_snakemake, root, *, models, cohort=(), training=()):
    """Run the workflow from a sheet to the quality page, then to trained networks."""
    config = {**SMALL, "run": "own", "cohort": {"sheet": str(sheet), **dict(cohort)}}
    config["training"] = {**SMALL["training"], **dict(training)}
    files = [root / "config/demo.yaml"]
    for targets in (["quality"], [f"results/own/{model}" for model in models]):
        process = run_snakemake(folder, *targets, "--quiet", "rules", "host", config=config, files=files)
        assert process.returncode == 0, process.stdout[-4000:]
    return folder / "results/own"


@pytest.fixture(scope="module")
def soop(phantoms, tmp_path_factory, run_snakemake, root):
    folder = tmp_path_factory.mktemp("soop")
    write_soop(folder / "ds004889", phantoms["siemens"])
    assert main(["import", str(folder / "ds004889"), "--out", str(folder / "imported")]) == 0
    return train(
        folder,
        folder / "imported/cohort.tsv",
        run_snakemake,
        root,
        models=WITHOUT_ONSET,
        cohort={"require_onset": False},
        training={"unknown_onset": True},
    )


@pytest.fixture(scope="module")
def exports(phantoms, tmp_path_factory, run_snakemake, root):
    """All studies in one folder, as an archive hands them out, and a hospital's table with semicolons."""
    folder = tmp_path_factory.mktemp("exports")
    lines = ["PatientID;onset_to_mri_min;lesion_side;site".replace("PatientID", "participant_id")]
    for site, patients in phantoms.items():
        seed = cohort_seed({"site": site, "seed": 0}) if site else 0
        for name, scans in patients.items():
            record = scans["record"]
            shutil.copytree(scans["dicom"], folder / "export" / f"{site}-{name}")
            identifier = f"PHANTOM-{record.site}-{seed}-{record.number:04d}"
            lines.append(f"{identifier};{onset(record.number)};{record.lesion_side};{site}")
    (folder / "onset.csv").write_text("\n".join(lines) + "\n")
    arguments = ["--out", str(folder / "imported"), "--participants", str(folder / "onset.csv")]
    assert main(["import", str(folder / "export"), *arguments]) == 0
    return train(folder, folder / "imported/cohort.tsv", run_snakemake, root, models=MODELS)


def test_soop_becomes_a_cohort_with_the_sides_of_its_masks(soop, phantoms):
    cohort = rows(soop / "cohort/cohort.tsv")
    true = {f"sub-{n}": one["record"].lesion_side for n, one in enumerate(phantoms["siemens"].values(), 1)}
    assert len(cohort) == PATIENTS
    assert {row["side_from"] for row in cohort} == {"mask"}
    assert {row["patient"]: row["lesion_side"] for row in cohort} == true
    assert cohort[0]["age"] == "89"


def test_soop_trains_without_any_onset(soop):
    assert all((soop / model).is_file() for model in WITHOUT_ONSET)
    parts = [row["part"] for row in rows(soop / "cohort/split.tsv")]
    assert len(parts) == PATIENTS
    assert {*parts} == {"train", "validation"}


def test_exports_of_both_sites_become_a_cohort(exports):
    cohort = rows(exports / "cohort/cohort.tsv")
    assert len(cohort) == 2 * PATIENTS
    assert {row["site"] for row in cohort} == {*SITES}
    protocol = rows(exports / "cohort/protocol.tsv")
    assert {row["vendor"] for row in protocol} == {"Siemens", "Philips", "GE"}
    assert all(row["b_value"] == "1000" for row in protocol if row["series"] == "dwi")


def test_exports_train(exports):
    assert all((exports / model).is_file() for model in MODELS)


@pytest.mark.parametrize("run", ["soop", "exports"])
def test_the_phantoms_pass_the_checks(run, request):
    quality = rows(request.getfixturevalue(run) / "quality/quality.tsv")
    assert [row["reason"] for row in quality if row["verdict"] == "fail"] == []
    assert sum(row["verdict"] == "pass" for row in quality) >= 0.85 * len(quality)


@pytest.mark.parametrize("run", ["soop", "exports"])
def test_no_folder_of_the_source_is_in_the_results(run, request):
    folder: Path = request.getfixturevalue(run)
    source = folder.parents[1].name.encode() + b"/" + {"soop": b"ds004889", "exports": b"export"}[run]
    for path in filter(Path.is_file, folder.rglob("*")):
        assert source not in path.read_bytes(), path.name
