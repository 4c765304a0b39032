"""What one may choose to train (docs/how-to/train.md): each choice runs to its results page."""

import csv

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SMALL = {
    "phantom": {"patients": 16, "space": "template"},
    "preprocessing": {"grid": [64, 64, 16], "toolchain": "open"},
    "split": {"counts": [8, 4, 4]},
    "evaluation": {"bootstraps": 50, "gradcam_patients": 2},
}
WIDTHS = {"2d": {"width": 8}, "3d": {"width": 4}}
EPOCHS = {
    name: {"epochs": 1} for name in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention")
}
WITHOUT = {"seeds": [0], "phase0_genesis": None, "phase0_segmentation": None}
CHOICES = {
    "no_detection": ({}, {"networks": ["2d"], "starts": ["random"]}),
    "one_network": ({}, {"networks": ["3d"], "starts": ["chain"], "seeds": [0, 1]}),
    "other_inputs": (
        {"channels": ["dwi", "adc"], "contralateral": True, "view": "brain", "average": [2, 2, 1]},
        {"networks": ["2d"], "starts": ["chain"], "phase0_segmentation": {"epochs": 1, "folds": 2}},
    ),
    "another_task": (
        {},
        {
            "networks": ["2d"],
            "starts": ["chain"],
            "phase5_tss6h": {"below_min": 360, "after": "phase3_tss4h5"},
        },
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_runs_to_its_page(name, tmp_path, run_snakemake):
    models, training = CHOICES[name]
    config = SMALL | {"run": name, "models": WIDTHS | models, "training": WITHOUT | EPOCHS | training}
    process = run_snakemake(tmp_path, "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout
    results = tmp_path / "results" / name
    assert (results / "index.html").stat().st_size > 0
    with open(results / "tables/table2.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] in training["networks"]]
    statuses = {row["status"] for row in rows}
    assert "ok" in statuses
    assert all(status.startswith(("ok", "not run: training.")) for status in statuses)
    with open(results / "tables/flow.csv", newline="") as file:
        tested = {row["what"]: row for row in csv.DictReader(file) if "side found" in row["what"]}
    assert tested
    is_told = {bool(row["n"]) for row in tested.values()}
    assert is_told == {name != "no_detection"}
