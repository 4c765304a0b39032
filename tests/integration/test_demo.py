"""The demo's configuration for real, made smaller: what the small chain leaves out."""

import csv
import hashlib
import json

import pytest
from accessible import find_violations
from files_pages import check_run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def results(tmp_path_factory, root, run_snakemake):
    folder = tmp_path_factory.mktemp("demo")
    files = [root / "config/demo.yaml", root / "tests/integration/small.yaml"]
    process = run_snakemake(folder, "--quiet", "rules", "host", config={}, files=files)
    assert process.returncode == 0, process.stdout
    return folder / "results/small"


def test_time_tasks_start_from_medical_weights(results):
    for net in ("2d", "3d"):
        model = results / f"models/{net}/phase0_medical/random/seed-0/model.pt"
        medical = hashlib.sha256(model.read_bytes()).hexdigest()
        for phase in ("phase2_tss3h", "phase3_tss4h5"):
            record = json.loads((results / f"models/{net}/{phase}/medical/seed-0/run.json").read_text())
            assert record["parent"]["sha256"] == medical


def test_every_other_row_is_there(results):
    """ImageNet's file is not given, and of 14 patients too few have a region for the radiomics."""
    with open(results / "tables/table2.csv", newline="") as file:
        missing = {row["start"] for row in csv.DictReader(file) if row["status"] != "ok"}
    assert missing == {"imagenet", "radiomics"}


def test_the_reference_describes_every_file_and_column(results):
    check_run(results)


def test_the_page_is_whole(results):
    assert "not made in this run" not in (results / "index.html").read_text()


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("page", ["index.html", "quality/index.html", "checklists.html"])
def test_the_pages_are_accessible(results, tmp_path, page, width):
    assert find_violations(results / page, tmp_path, width=width) == []
