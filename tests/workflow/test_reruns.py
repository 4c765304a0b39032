"""A finished run, and then a change: exactly what it touches runs again.

The run ends at the hemispheres; one job behind them stands for all trainings and tables (Table 1). A dry run
cannot know which files will keep their bytes, so that what a change sets off is seen by letting it happen.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml

from strokeclock.batches import deal_batches
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENTS = [f"p{number}" for number in range(1, 7)]
MOST = 2
TARGETS = ("quality", "results/own/tables/table1.csv")
BATCHES = deal_batches(PATIENTS, most=MOST)
RULE = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: +.*\n)*)", re.MULTILINE)


def batch_of(patient, batches=BATCHES):
    return next(name for name, members in batches.items() if patient in members)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, run_snakemake):
    """A folder with a sheet of coarse phantoms, and a finished run of it."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "raw").mkdir()
    settings = yaml.safe_load((ROOT / "config/config.yaml").read_text())["phantom"]
    scans = {name: folder / f"{name}.nii.gz" for name in SERIES}
    phantom = make_patient(1, seed=0, settings=settings)
    write_patient(phantom, scans=scans, lesion=folder / "lesion.nii.gz", brain_mask=folder / "mask.nii.gz")
    rows = []
    for number, patient in enumerate(PATIENTS):
        rows.append({"patient": patient, "onset_to_mri_min": 60 * (number + 1), "lesion_side": "left"})
        for name, path in scans.items():
            scan = nib.load(path)
            data = scan.get_fdata()[::2, ::2] * (1 + number / 10)
            data[: number + 1, 0, 0] += 50  # a scaled copy would be found to be the same scan
            affine = scan.affine @ np.diag([2, 2, 1, 1])
            nib.save(
                nib.Nifti1Image(data.astype(np.float32), affine), folder / f"raw/{patient}_{name}.nii.gz"
            )
            rows[-1][name] = f"raw/{patient}_{name}.nii.gz"
    write_sheet(folder, rows)
    process = run_snakemake(folder, *TARGETS, "--quiet", "all", config=config())
    assert process.returncode == 0, process.stdout
    return folder


def config(**changes):
    return {
        "run": "own",
        "cohort": {"sheet": "sheet.tsv", **changes.pop("cohort", {})},
        "preprocessing": {"toolchain": "open", "grid": [64, 64, 16], "patients_per_job": MOST},
        "split": {"counts": None, **changes.pop("split", {})},
        **changes,
    }


def write_sheet(folder, rows):
    with open(folder / "sheet.tsv", "w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def read_sheet(folder):
    with open(folder / "sheet.tsv", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def kept(finished, tmp_path_factory):
    """A copy of the finished run, which is run where it was made: its paths are absolute."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    shutil.copytree(finished, folder, symlinks=True)  # times of change are copied
    return folder


@pytest.fixture
def restored(finished, kept):
    """The folder of the finished run, as it was when it was finished."""
    shutil.rmtree(finished)
    shutil.copytree(kept, finished, symlinks=True)
    return finished


@pytest.fixture
def run(restored, run_snakemake):
    """Run the finished run again, with a changed configuration: rule -> batches that ran."""

    def again(*arguments, **changes):
        process = run_snakemake(restored, *TARGETS, *arguments, config=config(**changes))
        assert process.returncode == 0, process.stdout
        return jobs(process.stdout)

    again.folder = restored
    return again


def jobs(text):
    """Rule -> the batches of its jobs that ran or would run, or "" for each job without a batch."""
    found = {}
    for rule, block in re.findall(
        r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: +.*\n)*)", text, re.MULTILINE
    ):
        batch = re.search(r"batch=(b[01]*)", block)
        found.setdefault(rule, []).append(batch[1] if batch else "")
    return {rule: sorted(batches) for rule, batches in found.items()}


def test_a_finished_run_is_finished(run):
    assert run() == {}


def test_a_patient_who_is_excluded_touches_their_batch(run):
    found = run(cohort={"exclude": {"p3": "withdrew"}})
    left = deal_batches([patient for patient in PATIENTS if patient != "p3"], most=MOST)
    touched = sorted(name for name in left if left[name] != BATCHES.get(name))
    for rule in ("preprocess", "check", "lesions"):
        assert found.get(rule, []) == touched
    assert len(touched) <= 1


def test_a_patient_on_top_of_the_sheet_touches_their_batch(run):
    rows = read_sheet(run.folder)
    first = rows[0] | {"patient": "p0"}
    for name in SERIES:
        scan = nib.load(run.folder / rows[0][name])
        data = scan.get_fdata()
        data[0, :5, 0] += 50  # another scan
        first[name] = f"raw/p0_{name}.nii.gz"
        nib.save(nib.Nifti1Image(data.astype(np.float32), scan.affine), run.folder / first[name])
    write_sheet(run.folder, [first, *rows])
    found = run()
    grown = deal_batches(["p0", *PATIENTS], most=MOST)
    touched = sorted(name for name in grown if grown[name] != BATCHES.get(name))
    assert any("p0" in grown[name] for name in touched)
    for rule in ("preprocess", "check", "lesions"):
        assert found[rule] == touched


def test_another_order_of_the_sheet_changes_nothing_behind_the_manifest(run):
    write_sheet(run.folder, read_sheet(run.folder)[::-1])
    assert not set(run()) & {"preprocess", "check", "lesions", "table1"}
    assert run() == {}


def test_a_sheet_made_again_changes_nothing_behind_the_manifest(run):
    os.utime(run.folder / "sheet.tsv")
    assert not set(run()) & {"preprocess", "check", "lesions", "table1"}


def test_another_threshold_is_checked_and_trains_nothing(run):
    found = run(quality={"min_nmi": 1.0001})
    assert found["check"] == sorted(BATCHES)
    assert not set(found) & {"preprocess", "lesions", "table1"}
    assert run(quality={"min_nmi": 1.0001}) == {}


def test_a_persons_verdict_touches_one_check_and_trains_nothing(run):
    (run.folder / "verdicts.tsv").write_text("patient\tverdict\treason\np2\tpass\tlooked at\n")
    found = run(quality={"verdicts": "verdicts.tsv"})
    own = [batch_of("p2")]
    assert found["check"] == own
    assert set(own) <= set(found["quality_picture"])
    assert not set(found) & {"preprocess", "lesions", "table1"}
    assert run(quality={"verdicts": "verdicts.tsv"}) == {}


def test_a_lesion_mask_that_is_added_touches_its_batchs_lesions_and_no_table_of_patients(run):
    rows = read_sheet(run.folder)
    scan = nib.load(run.folder / rows[4]["dwi"])
    mask = (scan.get_fdata() > 0.9 * scan.get_fdata().max()).astype(np.uint8)
    nib.save(nib.Nifti1Image(mask, scan.affine), run.folder / "raw/drawn.nii.gz")
    drawn = {PATIENTS[4]: "raw/drawn.nii.gz"}
    write_sheet(run.folder, [row | {"lesion_mask": drawn.get(row["patient"], "")} for row in rows])
    found = run()
    assert found["lesions"] == found["check"] == [batch_of(PATIENTS[4])]  # the mask is compared with the side
    assert not set(found) & {"preprocess", "table1"}


def test_a_side_from_a_mask_reaches_the_cohort_and_a_mask_drawn_anew_on_it_trains_nothing(run):
    rows = read_sheet(run.folder)
    place = next(number for number, row in enumerate(rows) if row["lesion_side"] in ("left", "right"))
    side, patient = rows[place]["lesion_side"], rows[place]["patient"]
    scan = nib.load(run.folder / rows[place]["dwi"])
    world_x = nib.affines.apply_affine(scan.affine, np.moveaxis(np.indices(scan.shape), 0, -1))[..., 0]
    head = scan.get_fdata() > 0.5 * scan.get_fdata().max()

    def draw(far_mm):
        mask = head & ((world_x < -far_mm) if side == "left" else (world_x > far_mm))
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), scan.affine), run.folder / "raw/drawn.nii.gz")

    draw(15)
    rows = [row | {"lesion_mask": ""} for row in rows]
    rows[place] |= {"lesion_mask": "raw/drawn.nii.gz", "lesion_side": ""}
    write_sheet(run.folder, rows)
    run()
    with open(run.folder / "results/own/cohort/cohort.tsv", newline="") as file:
        found = {row["patient"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert (found[patient]["lesion_side"], found[patient]["side_from"]) == (side, "mask")
    assert {row["side_from"] for name, row in found.items() if name != patient} == {"sheet"}
    draw(25)
    again = run()
    assert again["lesions"] == [batch_of(patient)]
    assert again["lesion_sides"] == [""]
    assert not set(again) & {"preprocess", "table1"}


@pytest.mark.parametrize("damage", ["missing", "changed"])
@pytest.mark.parametrize(
    ("file", "rule"),
    [
        ("preprocessed/p4/flair.nii.gz", "preprocess"),
        ("hemispheres/p4.npy", "hemispheres"),
        ("quality/p4.json", "check"),
        ("quality/p4.png", "quality_picture"),
    ],
)
def test_a_missing_or_changed_file_is_made_anew_with_its_batch(run, file, rule, damage):
    path = run.folder / "results/own" / file
    before = path.read_bytes()
    path.unlink()
    if damage == "changed":
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        later = path.stat().st_mtime + 10
        os.utime(path, (later, later))
    found = run()
    assert found[rule] == [batch_of("p4")]
    assert path.read_bytes() == before
    assert "table1" not in found
    assert run() == {}


@pytest.mark.parametrize(
    ("module", "stale", "fresh"),
    [
        (
            "report/quality_page.py",
            {"quality_page"},
            {"atlas", "preprocess", "check", "split", "hemispheres"},
        ),
        ("cohort/demographics.py", {"table1"}, {"cohort", "check", "split", "hemispheres", "quality_page"}),
        ("imaging/open_chain.py", {"preprocess"}, {"atlas", "cohort"}),
        ("segmentation/lesion.py", {"lesions", "lesion_volumes"}, {"preprocess", "check", "split", "atlas"}),
    ],
)
def test_code_makes_stale_what_reaches_it_and_nothing_else(restored, tmp_path, root, module, stale, fresh):
    """In a copy of the checkout a word is changed in a module, and the dry run is read."""
    checkout = tmp_path / "checkout"
    for name in ("src", "workflow", "config", "envs", "resources", "profiles"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", checkout)
    folder = restored
    (folder / "own.yaml").write_text(yaml.safe_dump(config()))

    def dry_run():
        command = [sys.executable, "-m", "snakemake", *TARGETS, "-n", "--cores", "2", "--directory", folder]
        command += ["--snakefile", checkout / "Snakefile", "--configfile", folder / "own.yaml"]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout + process.stderr

    assert jobs(dry_run()) == {}
    path = checkout / "src/strokeclock" / module
    path.write_text(path.read_text() + "\n# a word\n")
    text = dry_run()
    by_code = {
        rule
        for rule, block in RULE.findall(text)
        if "Params have changed" in block or "Code has changed" in block
    }
    assert by_code <= stale  # Snakemake does not say so of a job whose inputs are made anew as well
    assert stale <= set(jobs(text))
    assert by_code
    assert not set(jobs(text)) & fresh


def test_steps_are_named_once_and_can_be_asked_for(snakemake):
    counts = {}
    for patients in (6, 40):
        own = {"run": "dry", "phantom": {"patients": patients}, "split": {"counts": None}}
        own |= {"preprocessing": {"toolchain": "open", "patients_per_job": MOST}}
        listed = snakemake("--list-rules", config=own)
        assert listed.returncode == 0, listed.stdout
        counts[patients] = Counter(re.findall(r"^\w+$", listed.stdout, re.MULTILINE))
    assert counts[6] == counts[40]
    assert counts[6]["check"] == 1
    process = snakemake("-n", "--until", "check", "--set-resources", "check:mem_mb=4321", config=own)
    assert process.returncode == 0, process.stdout
    found = jobs(process.stdout)
    assert set(found) == {"atlas", "phantom", "phantom_cohort", "cohort", "preprocess", "check"}
    assert len(re.findall(r"resources: .*mem_mb=4321", process.stdout)) == len(found["check"])
    graph = snakemake("--rulegraph", "dot", config=own)
    assert graph.returncode == 0, graph.stdout
    assert len(re.findall(r"label = ", graph.stdout)) < 100
    grouped = snakemake("-n", "--until", "check", "--groups", "check=g", config=own)
    assert grouped.returncode == 0, grouped.stdout
