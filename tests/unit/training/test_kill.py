"""Killed with SIGKILL at any moment, a training resumes and writes the bytes of an unbroken one."""

import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time

import pytest

from strokeclock.training.classifier import train_phase
from strokeclock.training.cost import read_cost

EPOCHS = 8


@pytest.fixture(scope="module")
def processes():
    """Processes that have torch loaded and run nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["strokeclock.training.classifier"])
    return context


@pytest.fixture
def arguments(toys):
    """The arguments of the training, without its output folder."""
    return {
        "net": "2d",
        "start": "random",
        "seed": 0,
        "models": toys.models("2d"),
        "training": toys.training(epochs=EPOCHS),
        "parent_model": None,
        **toys.inputs(),
    }


@pytest.fixture
def start(processes, arguments):
    """Start a training in its own process, given its output folder."""

    def run(output):
        process = processes.Process(
            target=train_phase, args=("phase1_stroke",), kwargs=arguments | {"output": output}
        )
        process.start()
        return process

    return run


def finish(process):
    process.join()
    assert process.exitcode == 0


def results(folder):
    """The bytes of a training's files, but for what it cost, which no two trainings share."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "cost.json"}


@pytest.fixture
def unbroken(start, tmp_path):
    """The files of a training that was not killed."""
    finish(start(tmp_path / "unbroken"))
    found = results(tmp_path / "unbroken")
    assert set(found) == {"model.pt", "history.tsv", "run.json"}
    return found


def wait_for_a_state(folder, process):
    """Wait until the process has written a state of its own, or has ended."""
    latest = folder / "latest.pt"
    before = latest.stat().st_ino if latest.exists() else None
    while process.is_alive() and (not latest.exists() or latest.stat().st_ino == before):
        time.sleep(0.001)


@pytest.mark.slow
def test_killed_at_random_moments(start, unbroken, tmp_path):
    moments = random.Random(0)
    killed = 0
    for _ in range(4):
        process = start(tmp_path / "killed")
        wait_for_a_state(tmp_path / "killed", process)
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed > 1  # a fast machine may be through before the last
    finish(start(tmp_path / "killed"))
    assert results(tmp_path / "killed") == unbroken


DYING = """
import json, os, signal, sys
from pathlib import Path
from strokeclock import files
from strokeclock.training.classifier import train_phase

def die_in_the_middle(number):
    beside = Path(os.readlink(f"/proc/self/fd/{number}"))
    if beside.name.endswith(f".{victim}") and (victim != "latest.pt" or (beside.parent / victim).exists()):
        os.truncate(beside, 10)
        os.kill(os.getpid(), signal.SIGKILL)

victim, arguments = sys.argv[1], json.loads(sys.argv[2])
files.os.fsync = die_in_the_middle
train_phase("phase1_stroke", **arguments)
"""


def test_killed_in_the_middle_of_each_write(start, unbroken, arguments, tmp_path):
    folder = tmp_path / "killed"
    given = json.dumps(arguments | {"output": folder}, default=str)
    for name in ("latest.pt", "model.pt", "history.tsv", "run.json", "cost.json"):
        process = subprocess.run([sys.executable, "-c", DYING, name, given], check=False)
        assert process.returncode == -signal.SIGKILL
        (left,) = folder.glob(f".*.{name}")
        assert left.stat().st_size == 10
        assert (folder / "latest.pt").exists()
        assert not (folder / name).exists() or name == "latest.pt"
    finish(start(folder))
    assert results(folder) == unbroken
    assert read_cost(folder / "cost.json").resumed >= 1
