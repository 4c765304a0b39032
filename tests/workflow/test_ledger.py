"""Snakemake deletes a job's outputs before it runs: the ledger of test-set accesses outlives that."""

import csv

import pytest

CONFIG = {
    "run": "accesses",
    "phantom": {"patients": 12},
    "split": {"counts": None},
    "training": {"seeds": [0], "networks": ["2d"], "starts": ["random"]},
    "evaluation": {"bootstraps": 20},
}
TASKS = {"phase2_tss3h": 180, "phase3_tss4h5": 270}
MODELS = (
    "2d/{}/random",
    "segmentation/{}/ratios",
    "ratio/{}/flair",
    "ratio/{}/series",
    "clinical/{}/covariates",
)
PATIENTS = [f"phantom-{number:04d}" for number in range(1, 13)]
MINUTES = {patient: 100 + 40 * (5 * place % 12) for place, patient in enumerate(PATIENTS)}
PARTS = dict(zip(PATIENTS, ["validation", "test"] * 6, strict=True))


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(map(str, row)) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def run(tmp_path):
    """What Table 2 is made from, all of it evaluated by nobody yet."""
    results = tmp_path / "results/accesses"
    write(
        results / "cohort/cohort.tsv",
        ["patient", "onset_to_mri_min", "lesion_side"],
        [(patient, minutes, "left") for patient, minutes in MINUTES.items()],
    )
    write(results / "cohort/split.tsv", ["patient", "part"], PARTS.items())
    write(results / "cohort/exclusions.tsv", ["patient", "stage", "reason"], [])
    write(results / "hemispheres/manifest.tsv", ["patient", "sha256"], [])
    write(
        results / "phantom/readers.tsv",
        ["patient", "reader1", "reader2", "reader3"],
        [(patient, int(minutes < 200), 1, 0) for patient, minutes in MINUTES.items()],
    )
    for phase, below in TASKS.items():
        for model in MODELS:
            predict(results, model.format(phase), below)
    predict(results, "ml/phase4_attention/radiomics", 270)
    return results


def predict(results, scorer, below, *, shift=0.0):
    rows = [
        (patient, "left", PARTS[patient], int(minutes < below), 0.2 + shift + (7 * minutes % 11) / 20)
        for patient, minutes in MINUTES.items()
    ]
    header = ["patient", "hemisphere", "part", "label", "score"]
    write(results / f"predictions/{scorer}/seed-0.tsv", header, rows)


def test_accesses_outlive_the_jobs_that_make_the_table(run, snakemake):
    def evaluate():
        wanted = [
            "results/accesses/tables/table2.csv",
            "--allowed-rules",
            "table2",
            "fit_operating_points",
            "--quiet",
            "rules",
            "host",
        ]
        return snakemake(*wanted, config=CONFIG)

    def accesses():
        with open(run / "tables/table2.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["start"] == "random" and row["model"] == "2d"]
        return {row["stage"]: row["accesses"] for row in rows if row["stage"] in TASKS}

    process = evaluate()
    assert process.returncode == 0, process.stdout
    first = (run / "ledger.tsv").read_text()
    assert len(first.splitlines()) == 1 + 2 * len(MODELS) + 1 + 4  # the header, the radiomics, the readers
    assert accesses() == {"phase2_tss3h": "1", "phase3_tss4h5": "1"}

    predict(run, "2d/phase3_tss4h5/random", 270, shift=0.1)
    assert evaluate().returncode == 0
    second = (run / "ledger.tsv").read_text()
    assert second.startswith(first)
    assert len(second.splitlines()) == len(first.splitlines()) + 1
    assert accesses() == {"phase2_tss3h": "1", "phase3_tss4h5": "2"}

    (run / "tables/table2.csv").unlink()
    edited = second.replace("phase2", "phase3", 1)
    (run / "ledger.tsv").write_text(edited)
    process = evaluate()
    assert process.returncode != 0
    assert "line 2 was changed, or a line before it is missing: restore the file" in process.stdout
    assert (run / "ledger.tsv").read_text() == edited
