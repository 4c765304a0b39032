"""Snakemake deletes outputs, of a job before it runs and of a whole run: the ledger outlives both."""

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
    return make_run(tmp_path / "results/accesses")


def make_run(results):
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


def evaluate(snakemake, config=CONFIG, *more):
    wanted = f"results/{config['run']}/tables/table2.csv"
    process = snakemake(
        wanted,
        "--allowed-rules",
        "table2",
        "fit_operating_points",
        "--quiet",
        "rules",
        "host",
        *more,
        config=config,
    )
    return process.returncode, process.stdout


def count(run):
    with open(run / "tables/table2.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["start"] == "random" and row["model"] == "2d"]
    return {row["stage"]: row["accesses"] for row in rows if row["stage"] in TASKS}


@pytest.mark.slow
def test_accesses_outlive_the_jobs_and_the_runs(run, snakemake):
    ledger = run.parent / "ledger.tsv"
    code, said = evaluate(snakemake)
    assert code == 0, said
    first = ledger.read_text()
    assert len(first.splitlines()) == 1 + 2 * len(MODELS) + 1 + 4  # the header, the radiomics, the readers
    assert count(run) == {"phase2_tss3h": "1", "phase3_tss4h5": "1"}
    assert (run / "accesses.tsv").read_text() == first

    predict(run, "2d/phase3_tss4h5/random", 270, shift=0.1)
    assert evaluate(snakemake)[0] == 0
    second = ledger.read_text()
    assert second.startswith(first)
    assert len(second.splitlines()) == len(first.splitlines()) + 1
    assert count(run) == {"phase2_tss3h": "1", "phase3_tss4h5": "2"}

    deleting = ["--delete-all-output", "--allowed-rules", "table2", "--quiet", "rules", "host"]
    process = snakemake("results/accesses/tables/table2.csv", *deleting, config=CONFIG)
    assert process.returncode == 0, process.stdout
    assert not (run / "accesses.tsv").exists()
    predict(make_run(run), "2d/phase3_tss4h5/random", 270, shift=0.1)
    assert evaluate(snakemake)[0] == 0  # the same evaluation again
    assert ledger.read_text() == second

    other = make_run(run.with_name("other"))
    predict(other, "2d/phase3_tss4h5/random", 270, shift=0.05)
    code, said = evaluate(snakemake, CONFIG | {"run": "other"})
    assert code == 0, said
    third = ledger.read_text()
    assert third.startswith(second)
    assert count(other) == {"phase2_tss3h": "1", "phase3_tss4h5": "3"}
    assert third.splitlines()[-1].startswith("other\tphase3_tss4h5\t2d\trandom\t3\t")

    (run / "tables/table2.csv").unlink()
    edited = third.replace("phase2", "phase3", 1)
    ledger.write_text(edited)
    code, said = evaluate(snakemake)
    assert code != 0
    assert "line 2 was changed, or a line before it is missing: restore the file" in said
    assert ledger.read_text() == edited
