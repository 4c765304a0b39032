"""One further file in models/networks is a further network, from configuration to Table 2 and Grad-CAM."""

import csv
import json
import shutil
import subprocess
import sys

import pytest
import yaml

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OWN = {"models": {"tiny": {"width": 4}}, "training": {"networks": ["tiny"]}}  # over config/tiny.yaml
WANTED = [
    "tables/table2.csv", "tables/gradcam_overlap.csv", "figures/training/tiny-phase4_attention-phase3.svg",
    *(f"figures/fig{number}.svg" for number in (4, 5, 6, 7, 8, 9)),
]  # fmt: skip
ROWS = {
    ("phase1_stroke", "random"), ("phase2_tss3h", "random"), ("phase2_tss3h", "phase1"),
    ("phase3_tss4h5", "random"), ("phase3_tss4h5", "phase2"), ("phase4_attention", "phase3"),
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory, root):
    """A copy of this checkout with one file more, and what it made."""
    copy = tmp_path_factory.mktemp("third")
    for name in ("src", "workflow", "config", "resources", "envs"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", copy)
    shutil.copy(root / "tests/networks/tiny.py", copy / "src/strokeclock/models/networks")
    (copy / "own.yaml").write_text(yaml.safe_dump(OWN))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "rules", "host"]
    process = subprocess.run(
        [
            *(*command, "--configfile", "config/tiny.yaml", "own.yaml", "--"),
            *(f"results/tiny/{name}" for name in WANTED),
        ],
        cwd=copy,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return copy / "results/tiny"


def test_table_2_has_its_rows(results):
    with open(results / "tables/table2.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "tiny"]
    assert {(row["stage"], row["start"]) for row in rows} == ROWS
    assert {row["status"] for row in rows} == {"ok"}
    assert {row["recipe"] for row in rows} == {"two epochs"}
    assert not any(row["paper_auc"] for row in rows)


def test_grad_cam_is_held_against_the_lesions(results):
    with open(results / "tables/gradcam_overlap.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["model"], row["stage"]) for row in rows} == {
        ("tiny", "phase3_tss4h5"), ("tiny", "phase4_attention")
    }  # fmt: skip
    assert all(row["inside"] for row in rows if row["lesions"] == "all")


def test_figures_show_it(results):
    for name in ("fig4", "fig6", "fig7", "fig8", "fig9", "training/tiny-phase4_attention-phase3"):
        assert "<!-- Tiny" in (results / f"figures/{name}.svg").read_text(), name


def test_its_chain_begins_with_random_weights_and_goes_on(results):
    record = json.loads((results / "models/tiny/phase1_stroke/random/seed-0/run.json").read_text())
    assert record["parent"] is None
    record = json.loads((results / "models/tiny/phase4_attention/phase3/seed-0/run.json").read_text())
    assert record["architecture"]["width"] == 4
    assert record["parent"]["phase"] == "phase3_tss4h5"
    assert not list(results.glob("models/[23]d"))
