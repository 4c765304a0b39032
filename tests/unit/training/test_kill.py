"""Killed with SIGKILL at any moment, a training goes on and ends in the bytes of an unbroken one."""

import contextlib
import multiprocessing
import os
import random
import signal
import time

import pytest

from strokeclock.training.classifier import train_phase

EPOCHS = 8


@pytest.fixture(scope="module")
def processes():
    """Processes that have torch loaded and run nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["strokeclock.training.classifier"])
    return context


@pytest.fixture
def start(processes, toys):
    """Start a training in its own process, given its output folder."""

    def run(output):
        arguments = {
            "net": "2d",
            "weights": "random",
            "seed": 0,
            "models": toys.models("2d"),
            "training": toys.training(epochs=EPOCHS),
            "parent_model": None,
            "output": output,
            **toys.inputs(),
        }
        process = processes.Process(target=train_phase, args=("phase1_stroke",), kwargs=arguments)
        process.start()
        return process

    return run


def finish(process):
    process.join()
    assert process.exitcode == 0


def results(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def unbroken(start, tmp_path):
    """The files of a training that nobody killed."""
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


def test_killed_in_the_middle_of_each_write(start, unbroken, tmp_path):
    """A file beside is a pipe that nobody reads to its end, so that the kill comes while it is written."""
    folder = tmp_path / "killed"
    folder.mkdir()
    for name in ("latest.pt", "model.pt", "history.tsv", "run.json"):
        process = start(folder)
        if name == "latest.pt":
            wait_for_a_state(folder, process)
        beside = folder / f".{name}"
        while not beside.is_fifo():
            with contextlib.suppress(FileExistsError):  # it is being written just now
                os.mkfifo(beside)
        with open(beside, "rb") as pipe:
            part = pipe.read(10)
            process.kill()
            process.join()
        beside.unlink()
        beside.write_bytes(part)  # what a killed write leaves
        assert (folder / "latest.pt").exists()
        assert not (folder / name).exists() or name == "latest.pt"
    finish(start(folder))
    assert results(folder) == unbroken
