"""What a training cost is measured, summed over its runs, and kept apart from what is compared by bytes."""

import json
import subprocess
import sys

import pytest

from strokeclock.training import cost
from strokeclock.training.cost import GB, Cost, CostError, Meter, measure_peak_memory, read_cost, write_cost

GPU = "NVIDIA H100"


@pytest.fixture
def clock(monkeypatch):
    """A clock, and the process's peak memory in GB, that a test sets."""
    now = {"s": 100.0, "gb": 1.5}
    monkeypatch.setattr(cost.time, "monotonic", lambda: now["s"])
    monkeypatch.setattr(cost, "measure_peak_memory", lambda: int(now["gb"] * GB))
    return now


def test_a_training_is_measured_from_its_start(clock):
    meter = Meter()
    clock.update(s=142.5, gb=3.0)
    assert meter.read() == Cost(
        device="cpu", seconds=42.5, memory_gb=3.0, gpu_memory_gb=None, resumed=0
    )  # fmt: skip


def test_seconds_of_resumed_runs_add_up_and_the_peak_is_the_largest(clock):
    """Three runs of 40, 20 and 5 s; the second has the largest memory, the first that of the GPU."""
    before = None
    for seconds, gb, gpu in ((40, 2.0, 6.0), (20, 4.0, 5.0), (5, 3.0, 5.5)):
        meter = Meter(GPU, lambda gpu=gpu: int(gpu * GB))
        if before:
            meter.resume(before)
        clock.update(s=clock["s"] + seconds, gb=gb)
        before = vars(meter.read())
    assert before == {
        "device": GPU, "seconds": 65.0, "memory_gb": 4.0, "gpu_memory_gb": 6.0, "resumed": 2
    }  # fmt: skip


def test_a_training_that_moves_to_the_cpu_has_no_gpu_memory(clock):
    meter = Meter()
    meter.resume(
        {"device": GPU, "seconds": 1.0, "memory_gb": 1.0, "gpu_memory_gb": 6.0, "resumed": 0}
    )  # fmt: skip
    assert meter.read().gpu_memory_gb is None


def test_the_peak_is_of_this_process_alone():
    """A child that is started by a large process and holds 200 MB for a moment."""
    held = b"x" * 300_000_000
    code = (
        "from strokeclock.training.cost import measure_peak_memory as peak\n"
        "before = peak(); held = b'x' * 200_000_000; del held; print(before, peak())"
    )
    before, after = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert 190_000_000 < after - before < 215_000_000
    assert before < 100_000_000 < len(held) < measure_peak_memory()


def test_the_file_is_read_back(tmp_path):
    written = Cost(device=GPU, seconds=12.34, memory_gb=1.23456, gpu_memory_gb=6.54321, resumed=1)
    write_cost(tmp_path / "cost.json", written)
    assert read_cost(tmp_path / "cost.json") == Cost(
        device=GPU, seconds=12.3, memory_gb=1.235, gpu_memory_gb=6.543, resumed=1
    )
    write_cost(tmp_path / "cost.json", Meter().read())
    assert read_cost(tmp_path / "cost.json").gpu_memory_gb is None


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"device": "cpu"}), "\udcff"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "cost.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(CostError, match=r"cost\.json holds no cost of a training: delete it and train again"):
        read_cost(tmp_path / "cost.json")
