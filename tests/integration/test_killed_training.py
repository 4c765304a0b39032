"""Snakemake removes the outputs of a killed training, not its states: the next run goes on from there."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest
import yaml

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EPOCHS = 30
CONFIG = {
    "run": "killed",
    "phantom": {"patients": 12, "space": "template"},
    "split": {"counts": None},
    "preprocessing": {"toolchain": "open", "grid": [64, 64, 16]},
    "models": {"2d": {"width": 8}},
    "training": {
        "networks": ["2d"],
        "seeds": [0],
        "phase1_stroke": {"epochs": EPOCHS, "selection": "last"},
    },
}
RUN = "models/2d/phase1_stroke/random/seed-0"


def test_a_killed_training_goes_on(tmp_path, root, run_snakemake):
    folder = tmp_path / "results/killed" / RUN
    log = tmp_path / f"logs/killed/{RUN}.log"
    target = [f"results/killed/{RUN}/model.pt", "--quiet", "rules"]

    def start_and_kill(everything):
        """Kill the training, or Snakemake and all of its processes, once there is a state of this start."""
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile", "--directory", tmp_path,
            *target, "--cores", "2", "--configfile", tmp_path / "own.yaml",
        ]  # fmt: skip
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.time()
        latest = folder / "latest.pt"
        while process.poll() is None and not (latest.exists() and latest.stat().st_mtime > begin):
            time.sleep(0.02)
        started = process.children(recursive=True)
        if everything:
            process.kill()
        for child in started:
            if everything or any("train.py" in word for word in child.cmdline()):
                child.kill()
        process.wait()
        left = {path.name for path in folder.iterdir()}
        assert left & {"latest.pt", "previous.pt"}
        assert "model.pt" not in left
        return process.returncode

    (tmp_path / "own.yaml").write_text(yaml.safe_dump(CONFIG))
    assert start_and_kill(everything=False) == 1
    assert start_and_kill(everything=True) == -signal.SIGKILL
    assert "resuming after epoch" in log.read_text()

    assert run_snakemake(tmp_path, "--unlock", config=CONFIG).returncode == 0
    finished = run_snakemake(tmp_path, *target, config=CONFIG)
    assert finished.returncode == 0, finished.stdout
    assert "resuming after epoch" in log.read_text()
    assert f"epoch {EPOCHS} of {EPOCHS}" in log.read_text()
    assert {path.name for path in folder.iterdir()} == {"model.pt", "history.tsv", "run.json", "cost.json"}
    assert json.loads((folder / "cost.json").read_text())["resumed"] >= 1
