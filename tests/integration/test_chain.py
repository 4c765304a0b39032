"""The chain for real, from phantom patients in template space to Table 2 and the figures."""

import base64
import csv
import hashlib
import itertools
import json
import zipfile
from pathlib import PurePath

import numpy as np
import pytest
from files_pages import check_run

from strokeclock.cli import main
from strokeclock.reading.demo import write_new_study
from strokeclock.reading.result import STATUSES

pytestmark = pytest.mark.integration

PATIENTS = 16
CONFIG = {
    "run": "chain",
    "phantom": {"patients": PATIENTS, "space": "template"},
    "preprocessing": {"grid": [64, 64, 16], "toolchain": "open"},
    "split": {"counts": [8, 4, 4]},
    "models": {"2d": {"width": 8}, "3d": {"width": 4}},
    "training": {
        "seeds": [0],
        "phase0_genesis": {"epochs": 1},
        "phase0_segmentation": {"epochs": 2, "folds": 2},
        **{
            name: {"epochs": 2}
            for name in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention")
        },
    },
    "evaluation": {"bootstraps": 200, "gradcam_patients": 2},
}


def rows(path, delimiter="\t"):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def results(tmp_path_factory, run_snakemake):
    folder = tmp_path_factory.mktemp("chain")
    process = run_snakemake(folder, "--quiet", "rules", "host", config=CONFIG)
    assert process.returncode == 0, process.stdout
    return folder / "results/chain"


def test_every_promised_file_is_there(results):
    figures = [
        *(f"fig{number}" for number in range(1, 10)),
        *("calibration", "decision_curve", "abstention", "subgroups", "end_to_end"),
        *("genesis_examples", "segmentations"),
        *("training/2d-phase1_stroke-random", "training/3d-phase4_attention-phase3"),
    ]
    tables = (
        "comparisons", "calibration", "reliability", "decision_curve", "abstention", "sides", "subgroups",
        "end_to_end", "gradcam_overlap", "occlusion", "ml_baseline", "checklists",
        "accuracy", "wanted_rates", "interactions", "readers", "sample_size",
        "flow", "case_mix", "protocol", "missing", "worst_errors",
    )  # fmt: skip
    for path in (
        "cohort/cohort.tsv", "cohort/exclusions.tsv", "cohort/split.tsv",
        "quality/index.html", "quality/quality.tsv", "hemispheres/manifest.tsv",
        "phantom/ceiling.json", "accesses.tsv", "index.html", "checklists.html",
        *(f"tables/table{number}.{suffix}" for number in (1, 2) for suffix in ("csv", "html", "tex", "png")),
        *(f"tables/{name}.csv" for name in tables),
        *(f"figures/{name}.{suffix}" for name in figures for suffix in ("svg", "png")),
    ):  # fmt: skip
        assert (results / path).stat().st_size > 0, path
    assert (results.parent / "ledger.tsv").stat().st_size > 0


def test_the_reference_describes_every_file_and_column(results):
    check_run(results)


def test_the_page_shows_every_table_and_figure(results):
    page = (results / "index.html").read_text()
    tables = sorted(results.glob("tables/*.csv"))
    figures = sorted(results.glob("figures/**/*.svg"))
    assert len(tables) == 24
    assert len(figures) >= 20 + 14
    for table in tables:
        assert f'href="tables/{table.name}"' in page, table.name
    for figure in figures:
        shown = (base64.b64encode(path.read_bytes()).decode() in page for path in _either(figure))
        assert any(shown), figure.name
    assert "not made in this run" not in page
    assert "For research use only." in page
    assert str(results.parents[1]) not in page


def _either(figure):
    return figure, figure.with_suffix(".png")


def test_a_snakemake_report_holds_tables_and_figures_with_their_captions(results, run_snakemake):
    folder = results.parents[1]
    process = run_snakemake(folder, "--report", "report.zip", config=CONFIG)
    assert process.returncode == 0, process.stdout
    with zipfile.ZipFile(folder / "report.zip") as archive:
        held = {PurePath(name).name for name in archive.namelist()}
        page = archive.read("report/report.html").decode()
    wanted = {f"fig{number}.svg" for number in range(1, 10)} | {"table1.html", "table2.html", "accesses.tsv"}
    assert wanted <= held
    assert "ROC curves on the test patients for TSS" in page
    assert "For research use only." in page


def test_the_bundle_repeats_its_self_test(results, capsys):
    assert main(["bundle", "verify", str(results / "bundle/model.zip")]) == 0
    assert "Self-test: Passed: " in capsys.readouterr().out


def test_a_new_phantom_is_read_from_its_dicom(results, tmp_path, monkeypatch):
    """The networks learned nothing in two epochs: any status is right, and all files are there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    study = write_new_study(tmp_path / "study")
    model, out = str(results / "bundle/model.zip"), tmp_path / "out"
    assert main(["read", "-i", str(study), "-m", model, "-o", str(out), "--dicom"]) == 0
    reading = json.loads((out / "reading.json").read_text())
    assert reading["status"] in STATUSES
    assert {path.name for path in out.iterdir()} >= {"index.html", "reading.json", "log.txt", "dicom"}
    assert reading["model"]["self_test"].startswith("Passed: ")
    assert len([*(tmp_path / "cache/strokeclock").iterdir()]) == 1


def test_hemispheres_are_as_the_networks_take_them(results):
    hemispheres = np.load(results / "hemispheres/phantom-0001.npy")
    assert hemispheres.shape == (2, 3, 32, 64, 16)
    assert hemispheres.dtype == np.float16
    assert hemispheres.min() == 0
    assert 0.3 < hemispheres.max() <= 1
    for series in np.moveaxis(hemispheres.astype(float), 1, 0):  # the brain's median, which keeps ratios
        assert np.median(series[series > 0]) == pytest.approx(0.2, abs=0.002)


def test_no_patient_is_in_two_parts_and_the_counts_hold(results):
    split = rows(results / "cohort/split.tsv")
    parts = [row["part"] for row in split]
    assert len({row["patient"] for row in split}) == len(split) == PATIENTS
    assert [parts.count(part) for part in ("train", "validation", "test")] == [8, 4, 4]


def test_phases_are_chained_by_checkpoint(results):
    for net, first in (("2d", "random"), ("3d", "genesis")):
        chain = [
            f"phase1_stroke/{first}", "phase2_tss3h/phase1", "phase3_tss4h5/phase2", "phase4_attention/phase3"
        ]  # fmt: skip
        if net == "3d":
            chain.insert(0, "phase0_genesis/random")
        folders = [results / "models" / net / place / "seed-0" for place in chain]
        for before, after in itertools.pairwise(folders):
            record = json.loads((after / "run.json").read_text())
            assert record["parent"]["sha256"] == sha256(before / "model.pt")


def test_segmented_ratios_are_fitted_on_cross_fitted_segmentations(results):
    folder = results / "models/3d/phase0_segmentation/random/seed-0"
    models = [folder / f"fold-{number}/model.pt" for number in (1, 2)]
    part_of = {row["patient"]: row["part"] for row in rows(results / "cohort/split.tsv")}
    learned = [json.loads(path.with_name("run.json").read_text())["participants"]["train"] for path in models]
    assert sorted(itertools.chain(*learned)) == sorted(name for name in part_of if part_of[name] == "train")
    assert [len(patients) for patients in learned] == [4, 4]
    for phase in ("phase2_tss3h", "phase3_tss4h5"):
        fitted = json.loads((results / f"fitted/segmentation/{phase}/ratios/seed-0.json").read_text())
        assert fitted["fold_segmentations_sha256"] == [sha256(path) for path in models]
        assert fitted["segmentation_sha256"] == sha256(folder / "model.pt")


def test_predictions_are_of_validation_and_test_patients_alone(results):
    part_of = {row["patient"]: row["part"] for row in rows(results / "cohort/split.tsv")}
    networks = sorted(results.glob("predictions/[23]d/*/*/seed-0.tsv"))
    baselines = sorted(results.glob("predictions/[crs]*/*/*/seed-0.tsv"))  # clinical, ratio, segmentation
    assert len(networks) == 12
    assert len(baselines) == 12
    for file in networks + baselines:
        predicted = rows(file)
        assert {row["part"] for row in predicted} == {"validation", "test"}
        assert all(part_of[row["patient"]] == row["part"] for row in predicted)
        assert all(0 <= float(row["score"]) <= 1 for row in predicted)


def test_table2_has_every_row_of_the_paper_with_counts_or_a_reason(results):
    table = rows(results / "tables/table2.csv", delimiter=",")
    assert sum(bool(row["paper_accuracy"]) for row in table) == 23
    beyond = {(row["model"], row["start"]) for row in table if not row["paper_accuracy"]}
    assert {("ratio", "flair"), ("ratio", "series")} <= beyond
    for row in table:
        if row["status"] == "ok":
            counts = [int(row[name]) for name in ("tp", "fn", "tn", "fp")]
            assert sum(counts) == int(row["n"])
            assert "test" not in row["threshold_source"]
        else:
            assert row["status"].startswith("not run: ")
    missing = {row["start"]: row["status"] for row in table if row["status"] != "ok"}
    assert missing == {
        "imagenet": "not run: set initial_weights.imagenet.file",
        "medical": "not run: set initial_weights.medical_3d.source",
        "radiomics": "not run: too few patients have a region that can be measured (tables/ml_baseline.csv)",
    }


def test_a_second_call_has_nothing_to_do(results, run_snakemake):
    process = run_snakemake(results.parents[1], "-n", config=CONFIG)
    assert "Nothing to be done" in process.stdout


def test_a_changed_key_reruns_what_depends_on_it_alone(results, run_snakemake):
    changed = CONFIG | {"evaluation": CONFIG["evaluation"] | {"confidence": 0.9}}
    process = run_snakemake(results.parents[1], "-n", "--quiet", "rules", config=changed)
    assert "table2" in process.stdout
    assert "phase1_stroke" not in process.stdout


def test_other_folds_train_the_networks_of_the_folds_alone(results, run_snakemake):
    training = CONFIG["training"] | {"phase0_segmentation": {"epochs": 2, "folds": 3}}
    process = run_snakemake(
        results.parents[1], "-n", "--quiet", "rules", config=CONFIG | {"training": training}
    )
    counts = dict(line.split() for line in process.stdout.splitlines() if len(line.split()) == 2)
    assert counts["phase0_segmentation"] == "3"
    assert counts["fit_segmented"] == "1"
    assert not {"phase1_stroke", "predict", "segmentations"} & set(counts)


@pytest.mark.slow
def test_a_deleted_result_comes_back_with_the_same_bytes(results, run_snakemake):
    """Training on the chain's last phase, and all that hangs on it, repeats itself."""
    model = results / "models/2d/phase4_attention/phase3/seed-0/model.pt"
    table = results / "tables/table2.csv"
    before = sha256(model), sha256(table)
    model.unlink()
    table.unlink()
    wanted = [str(path.relative_to(results.parents[1])) for path in (model, table)]
    process = run_snakemake(results.parents[1], *wanted, "--quiet", "rules", "host", config=CONFIG)
    assert process.returncode == 0, process.stdout
    assert (sha256(model), sha256(table)) == before
