"""From a hospital's DICOM to a bundle, and back: its own test patients, a sheet, another hospital.

The cohort is imported from the phantoms' DICOM studies, so that the run and the reading see the same files.
"""

import csv
import json
import shutil

import pytest
import yaml
from phantom_files import name_files

from strokeclock.bundle.model import open_bundle
from strokeclock.cli import main
from strokeclock.phantom.clinic import cohort_seed, draw_patient
from strokeclock.phantom.patient import make_batch, number_of
from strokeclock.phantom.studies import write_studies

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PATIENTS, OTHERS = 16, 4
SMALL = {
    "run": "own",
    "phantom": {"patients": 0},
    "split": {"counts": [8, 4, 4]},
    "initial_weights": {"medical_2d": {"source": None}, "medical_3d": {"source": None}},
    "training": {
        "starts": ["chain"],
        "seeds": [0, 1],
        "phase0_genesis": None,
        "phase0_segmentation": {"epochs": 2, "folds": 2},
        **{
            name: {"epochs": 1}
            for name in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention")
        },
    },
    "bundle": {
        "rows": ["segmentation/phase3_tss4h5/3d", "2d/phase4_attention/phase3", "ratio/phase3_tss4h5/series"]
    },
}


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def make_hospital(folder, root, *, site, count):
    """Write the phantoms' DICOM studies and a table of onsets, and import them: folder/imported."""
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"] | {"site": site}
    files = name_files(folder, count)
    make_batch(files, folder / "table.tsv", settings=settings)
    studies = {name: str(folder / "export" / name) for name in files}
    write_studies(folder / "table.tsv", folder / "studies.tsv", folders=studies, settings=settings)
    seed = cohort_seed(settings)
    lines = ["participant_id\tonset_to_mri_min\tlesion_side"]
    for name in files:
        record = draw_patient(number_of(name), seed=seed, settings=settings)
        minutes = (100, 220, 400, 700)[record.number % 4] + record.number
        identifier = f"PHANTOM-{record.site}-{seed}-{record.number:04d}"
        lines.append(f"{identifier}\t{minutes}\t{record.lesion_side}")
    (folder / "onset.tsv").write_text("\n".join(lines) + "\n")
    arguments = ["--out", str(folder / "imported"), "--participants", str(folder / "onset.tsv")]
    assert main(["import", str(folder / "export"), *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def hospital(tmp_path_factory, root):
    return make_hospital(tmp_path_factory.mktemp("hospital"), root, site="siemens", count=PATIENTS)


@pytest.fixture(scope="module")
def run(hospital, run_snakemake, root):
    """The run's folder, with its bundle."""
    config = SMALL | {"cohort": {"sheet": str(hospital / "imported/cohort.tsv")}}
    files = [root / "config/demo.yaml"]
    process = run_snakemake(hospital, "bundle", "--quiet", "rules", "host", config=config, files=files)
    assert process.returncode == 0, process.stdout[-4000:]
    return hospital / "results/own"


@pytest.fixture(scope="module")
def sources(hospital):
    """Patient -> the folder of its DICOM study."""
    return {
        row["patient"]: hospital / "export" / f"phantom-{int(row['person'].rpartition('-')[2]):04d}"
        for row in rows(hospital / "imported/sources.tsv")
    }


def predicted(run, row, patient):
    """The scores of predictions/ by seed: means over the lesion's hemispheres."""
    found = []
    for path in sorted((run / "predictions" / row).glob("seed-*.tsv")):
        own = [float(line["score"]) for line in rows(path) if line["patient"] == patient]
        found.append(sum(own) / len(own))
    return found


def list_tested(run):
    return [line["patient"] for line in rows(run / "cohort/split.tsv") if line["part"] == "test"]


@pytest.mark.parametrize("form", ["DICOM", "NIfTI"])
def test_test_patients_have_the_scores_of_the_predictions(run, hospital, sources, tmp_path, form):
    sides = {row["patient"]: row["lesion_side"] for row in rows(run / "cohort/cohort.tsv")}
    patients = list_tested(run)[:2]
    assert patients
    for patient in patients:
        source = sources[patient] if form == "DICOM" else hospital / "imported/images" / patient
        out = tmp_path / patient
        arguments = ["-i", str(source), "-m", str(run / "bundle/model.zip"), "-o", str(out)]
        assert main(["read", *arguments, "--side", sides[patient], "--device", "cpu"]) == 0
        reading = json.loads((out / "reading.json").read_text())
        assert [answer["row"] for answer in reading["answers"]] == SMALL["bundle"]["rows"]
        for answer in reading["answers"]:
            wanted = predicted(run, answer["row"], patient)
            assert answer["scores"] == pytest.approx(wanted, abs=1e-6)
        assert set(reading["seen"]) == {"test"}
        assert (out / "index.html").stat().st_size > 100_000


def test_no_identity_is_in_a_reading_but_in_its_dicom(run, hospital, sources, tmp_path):
    patient = list_tested(run)[0]
    out = tmp_path / "out"
    arguments = ["-i", str(sources[patient]), "-m", str(run / "bundle/model.zip"), "-o", str(out)]
    assert main(["read", *arguments, "--side", "left", "--dicom"]) == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".html", ".json", ".gz", ".dcm"}
    for path in written:
        content = path.read_bytes()
        names = [word in content for word in (b"PHANTOM", b"hospital0", b"export")]
        assert any(names) == (path.suffix == ".dcm"), path.name


def test_the_bundle_verifies_and_names_no_patient(run):
    assert main(["bundle", "verify", str(run / "bundle/model.zip")]) == 0
    bundle = open_bundle(run / "bundle/model.zip")
    for name in bundle.archive.names():
        content = bundle.archive.read(name)
        assert not any(word in content for word in (b"patient-0", b"PHANTOM-", b"hospital0"))


def test_a_sheet_is_read_without_the_run(run, hospital, run_snakemake, tmp_path):
    bundle = shutil.copy(run / "bundle/model.zip", tmp_path)
    reading = {"bundle": str(bundle), "sheet": str(hospital / "imported/cohort.tsv"), "side": "sheet"}
    config = {"run": "read", "preprocessing": {"patients_per_job": 8}, "reading": reading}
    process = run_snakemake(tmp_path, "read", "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout[-4000:]
    listed = rows(tmp_path / "results/read/reading/patients.tsv")
    assert len(listed) == PATIENTS
    for patient in list_tested(run):
        (own,) = (row for row in listed if row["patient"] == patient)
        wanted = predicted(run, SMALL["bundle"]["rows"][0], patient)
        assert float(own["score"]) == pytest.approx(sum(wanted) / len(wanted), abs=1e-5)
    assert {path.name for path in (tmp_path / "results/read").iterdir()} == {"batches", "reading"}


def test_another_hospital_tests_the_bundle(run, root, run_snakemake, tmp_path):
    far = make_hospital(tmp_path / "far", root, site="philips-ge", count=OTHERS)
    external = {"bundle": str(run / "bundle/model.zip"), "sheet": str(far / "imported/cohort.tsv")}
    config = {"run": "far", "external": external, "evaluation": {"bootstraps": 100}}
    process = run_snakemake(tmp_path, "external", "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout[-4000:]
    folder = tmp_path / "results/far/external"
    with open(folder / "tables/external.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["side"] for row in table} >= {"given", "found"}
    assert rows(tmp_path / "results/ledger.tsv")[0]["stage"] == "external"
    assert all((folder / f"figures/external_{name}.png").is_file() for name in ("roc", "flow", "calibration"))


def test_patients_whom_the_bundle_has_seen_are_refused(run, hospital, run_snakemake, tmp_path):
    external = {"bundle": str(run / "bundle/model.zip"), "sheet": str(hospital / "imported/cohort.tsv")}
    config = {"run": "far", "external": external, "evaluation": {"bootstraps": 100}}
    process = run_snakemake(tmp_path, "external", "--quiet", "rules", "host", config=config)
    assert process.returncode != 0
    assert "all were in the bundle's own cohort. Give other patients." in process.stdout
