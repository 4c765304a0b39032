"""A small run through profiles/slurm on the Slurm of this machine ends in the bytes of a run without Slurm.

Jobs fail, are cancelled, wait for their node, lose the controller or the head. Where compute nodes are other
machines, pytest needs a folder that they share with this one (--basetemp). The node is drained and the
controller restarted only where both are this user's own: SLURM_CONF names a configuration with one node, and
this user is its SlurmUser.
"""

import hashlib
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import time

import psutil
import pytest
import yaml

from strokeclock.slurm import cancel_jobs, describe_jobs, list_jobs

SEED = 20260504
PATIENCE_S = 600
TRAINING = "phase1_stroke"
MODEL = f"results/slurm/models/2d/{TRAINING}/random/seed-0/model.pt"
AFTER = "phase2_tss3h"  # a training from that model: what a run asks for
MODEL_AFTER = f"results/slurm/models/2d/{AFTER}/phase1/seed-0/model.pt"
CONFIG = {
    "run": "slurm",
    "phantom": {"patients": 12, "space": "template"},
    "split": {"counts": None},
    "preprocessing": {"toolchain": "open", "grid": [64, 64, 16], "patients_per_job": 8},
    "models": {"2d": {"width": 8}},
    "training": {
        "device": "cpu",
        "networks": ["2d"],
        "seeds": [0],
        TRAINING: {"epochs": 30, "selection": "last"},
        AFTER: {"epochs": 2},
    },
}


def say(*command):
    """What a program of Slurm says; "" where it is absent or fails."""
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


SETTINGS = say("scontrol", "show", "config")
NODES = say("sinfo", "--noheader", "--Node", "--format=%N").split()


def why_not():
    """Why no test of this file can run; "" where all is there."""
    if not shutil.which("sbatch"):
        return "sbatch is not on PATH"
    if not SETTINGS:
        return "no controller of Slurm answers"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "snakemake-executor-plugin-slurm is not installed (docs/how-to/cluster.md)"
    return ""


def find_controller():
    """The controller's process where this Slurm is this user's own (see above), or None."""
    user = psutil.Process().username()
    is_own = re.search(rf"^SlurmUser\s*= {user}\(", SETTINGS, re.MULTILINE) and len({*NODES}) == 1
    for process in psutil.process_iter(["name", "username"]):
        if process.info == {"name": "slurmctld", "username": user} and is_own and os.getenv("SLURM_CONF"):
            return process
    return None


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not())]
own_slurm = pytest.mark.skipif(not find_controller(), reason="this Slurm is not this user's own")


def digests(folder):
    """Path -> digest of all results in a folder, but for those that show time and memory of the trainings."""
    results = folder / "results"
    left_out = {
        *results.rglob("cost.json"),
        *results.glob("*/tables/training.tsv"),
        *results.glob("*/index.html"),
    }
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path not in left_out
    }


class Head:
    """Snakemake with profiles/slurm in a folder, in the background."""

    def __init__(self, folder, root, *, targets=("quality", MODEL_AFTER), files=("own.yaml",)):
        self.folder = folder
        self.command = [
            *(sys.executable, "-m", "snakemake", *targets),
            *("--snakefile", root / "Snakefile", "--directory", folder),
            *("--profile", root / "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2"),
            *("--quiet", "host", "reason", "--configfile", *files),
        ]
        self.process = None

    def start(self, *arguments):
        with (self.folder / "said.txt").open("w") as file:
            self.process = subprocess.Popen(
                [*self.command, *arguments], cwd=self.folder, stdout=file, stderr=subprocess.STDOUT
            )

    @property
    def said(self):
        return (self.folder / "said.txt").read_text()

    def end(self, patience_s=PATIENCE_S):
        """Wait for its good end; return what it said."""
        assert self.process.wait(patience_s) == 0, self.said[-5000:]
        return self.said

    def kill(self):
        self.process.kill()
        self.process.wait()

    def unlock(self):
        subprocess.run([*self.command, "--unlock"], cwd=self.folder, capture_output=True, check=True)

    def wait_for(self, rule, state):
        """Wait until Slurm has a job of a rule in this state; return it."""

        def find():
            jobs = list_jobs(self.folder)
            return next((job for job in jobs if job.rule.split()[0] == rule and job.state == state), None)

        return self.wait(find)

    def wait_for_jobs(self):
        """Wait until none of its jobs waits or runs."""
        self.wait(lambda: not list_jobs(self.folder))

    def wait(self, look):
        """Wait until something looked for is there; return it."""
        began = time.monotonic()
        while not (found := look()):
            assert time.monotonic() - began < PATIENCE_S, self.said[-5000:]
            time.sleep(0.2)
        return found


def prepare(folder):
    """Write the configuration into a new folder."""
    folder.mkdir()
    (folder / "own.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, run_snakemake):
    """The digests of a run without Slurm."""
    folder = tmp_path_factory.mktemp("unbroken")
    process = run_snakemake(folder, "quality", MODEL_AFTER, "--quiet", "rules", "host", config=CONFIG)
    assert process.returncode == 0, process.stdout
    return digests(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory, root, unbroken):
    """A head whose run has ended once."""
    head = Head(prepare(tmp_path_factory.mktemp("slurm") / "run"), root)
    head.start()
    head.end()
    return head


@pytest.fixture
def head(done):
    """The same, with the training and what follows it still to be made."""
    shutil.rmtree((done.folder / MODEL).parent, ignore_errors=True)
    (done.folder / MODEL_AFTER).unlink(missing_ok=True)
    yield done
    if done.process.poll() is None:
        done.kill()
        done.unlock()
    for _ in cancel_jobs(done.folder):
        pass


def test_slurm_changes_no_byte(done, unbroken):
    assert digests(done.folder) == unbroken
    assert list_jobs(done.folder) == []


def test_a_cancelled_job_is_tried_again(head, unbroken):
    head.start()
    subprocess.run(["scancel", head.wait_for(TRAINING, "RUNNING").number], check=True)
    assert "SLURM status is: 'CANCELLED'" in head.end()
    assert digests(head.folder) == unbroken


@pytest.mark.skipif(
    not re.search(r"OverMemoryKill|ConstrainRAMSpace\s*= yes", SETTINGS),
    reason="this Slurm does not enforce memory",
)
def test_a_job_without_enough_memory_gets_more(head, unbroken):
    """The first attempt may take 150 MB, less than torch alone."""
    head.start("--set-resources", f"{TRAINING}:mem_mb=150 if attempt == 1 else 2000")
    said = head.end()
    assert re.search("SLURM status is: '(OUT_OF_MEMORY|FAILED|CANCELLED)'", said)
    assert digests(head.folder) == unbroken


def test_a_job_beyond_its_time_gets_more(head, unbroken):
    """The training is stopped, so that it cannot end before its time does."""
    head.start()
    number = head.wait_for(TRAINING, "RUNNING").number
    subprocess.run(["scancel", "--signal=STOP", number], check=True)
    subprocess.run(["scontrol", "update", f"JobId={number}", "EndTime=now+5seconds"], check=True)
    assert "SLURM status is: 'TIMEOUT'" in head.end()
    assert digests(head.folder) == unbroken


@own_slurm
def test_jobs_wait_for_a_drained_node_and_say_so(head, unbroken):
    head.start()
    head.wait_for(TRAINING, "RUNNING")
    drain = ["scontrol", "update", f"NodeName={NODES[0]}"]
    try:
        subprocess.run([*drain, "State=DRAIN", "Reason=test"], check=True)
        waiting = head.wait_for(AFTER, "PENDING")
        head.wait(lambda: "(None)" not in describe_jobs(list_jobs(head.folder))[1])
        waits = describe_jobs(list_jobs(head.folder))
    finally:
        subprocess.run([*drain, "State=RESUME"], check=True)
    assert waits[0] == "Slurm jobs of this run: 1 PENDING"
    assert waits[1].startswith(f"job {waiting.number} ({AFTER} 2d_phase1_0) waits since ")
    assert re.search(r"\((Resources|ReqNodeNotAvail|Nodes required)", waits[1])
    head.end()
    assert digests(head.folder) == unbroken


@own_slurm
def test_a_restarted_controller_is_survived(head, unbroken):
    head.start()
    head.wait_for(TRAINING, "RUNNING")
    controller = find_controller()
    again = {"args": controller.cmdline(), "env": controller.environ(), "cwd": controller.cwd()}
    controller.terminate()
    controller.wait(60)
    time.sleep(5)  # the head asks in vain meanwhile
    subprocess.Popen(**again, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    head.end()
    assert digests(head.folder) == unbroken


def test_a_killed_head_and_cancelled_jobs(tmp_path, root, unbroken):
    """At three random moments, from the first job on."""
    head = Head(prepare(tmp_path / "run"), root)
    moments = random.Random(SEED)
    for _ in range(3):
        head.start()
        time.sleep(moments.uniform(5, 40))
        head.kill()
        subprocess.run([sys.executable, "-m", "strokeclock", "cancel"], cwd=head.folder, check=True)
        assert list_jobs(head.folder) == []
        head.unlock()
    head.start()
    head.end()
    assert digests(head.folder) == unbroken


def test_a_killed_head_whose_jobs_go_on(head, unbroken):
    """The old training and its successor, at work at the same time, do not harm each other."""
    head.start()
    orphan = head.wait_for(TRAINING, "RUNNING").number
    subprocess.run(["scancel", "--signal=STOP", orphan], check=True)
    head.kill()
    head.unlock()
    head.start()
    assert head.wait_for(TRAINING, "RUNNING").number != orphan
    subprocess.run(["scancel", "--signal=CONT", orphan], check=True)
    head.end()
    head.wait_for_jobs()
    assert digests(head.folder) == unbroken


@pytest.fixture(scope="module")
def small_files(root):
    """What test_demo.py runs."""
    return [root / "config/demo.yaml", root / "tests/integration/small.yaml"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, root, small_files):
    """The folder in which the small chain ran on Slurm."""
    folder = tmp_path_factory.mktemp("whole")
    head = Head(folder, root, targets=(), files=small_files)
    head.start()
    head.end(2 * PATIENCE_S)
    return folder


def test_the_small_chain_runs_whole(whole):
    assert (whole / "results/small/index.html").stat().st_size > 0
    assert (whole / "results/small/bundle/model.zip").stat().st_size > 0
    assert list_jobs(whole) == []


def test_slurm_changes_no_byte_of_the_small_chain(tmp_path, whole, small_files, run_snakemake):
    process = run_snakemake(tmp_path, "--quiet", "rules", "host", config={}, files=small_files)
    assert process.returncode == 0, process.stdout
    assert digests(whole) == digests(tmp_path)
