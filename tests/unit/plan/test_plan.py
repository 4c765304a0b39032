"""The plan of a run as a whole."""

import subprocess
import sys

import pytest
from shipped_plan import RUN


def test_single_files_of_the_shipped_configuration(planned):
    plan = planned()
    assert plan.protocols == "results/r/cohort/protocol.tsv"
    assert plan.ceilings == ["results/r/phantom/ceiling.json"]
    assert plan.page == "results/r/index.html"


@pytest.mark.parametrize(("device", "without", "counted"), [("auto", 0, 1), ("cpu", 0, 0), ("cuda", 1, 1)])
def test_a_training_takes_a_gpu_on_cuda_and_where_there_are_some(planned, device, without, counted):
    change = {"training": {"device": device}}
    assert planned(change).gpus == without
    assert planned(change, has_gpus=True).gpus == counted


def test_the_plan_is_made_without_heavy_packages(root):
    code = "import sys, strokeclock.plan.plan, strokeclock.cohort.patients; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "strokeclock.plan.plan" in found.split()
    assert not {"numpy", "pandas", "torch", "nibabel", "pydantic"} & set(found.split())


def test_the_checklists_are_a_table_and_a_page(planned):
    assert planned().checklists == [f"{RUN}/tables/checklists.csv", f"{RUN}/checklists.html"]
