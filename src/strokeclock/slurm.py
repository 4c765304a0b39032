"""End the Slurm jobs that a killed Snakemake left behind."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from strokeclock.errors import MissingSoftwareError, StrokeclockError

PREFIX = "strokeclock"  # of the jobs' names (slurm-jobname-prefix of profiles/slurm)
_PATIENCE_S = 120  # Slurm kills what has not ended 30 s after scancel, unless it is told otherwise (KillWait)
_FIELDS = "%A|%j|%k|%Z"  # number, name, comment (the rule), working directory


class SlurmJob(NamedTuple):
    """A job that waits or runs.

    Attributes
    ----------
    number : Slurm's.
    rule : what it does, as the executor notes it.
    """

    number: str
    rule: str


def cancel_jobs(folder: Path) -> Iterator[str]:
    """End this user's jobs of runs in a folder, wait until they have ended, and yield what was done.

    Parameters
    ----------
    folder : where Snakemake runs (its working directory).

    Raises
    ------
    MissingSoftwareError
        Slurm's programs are absent.
    StrokeclockError
        Slurm refuses, or a job does not end.
    """
    jobs = list_jobs(folder)
    if not jobs:
        yield "No job of a run in this folder waits or runs."
        return
    _call("scancel", *(job.number for job in jobs))
    for job in jobs:
        yield f"job {job.number} ({job.rule}) is cancelled"
    began = time.monotonic()
    while left := list_jobs(folder):
        if time.monotonic() - began > _PATIENCE_S:
            numbers = ", ".join(job.number for job in left)
            raise StrokeclockError(f"Slurm job {numbers} does not end: ask the cluster's staff.")
        time.sleep(1)
    yield "All have ended: `snakemake --unlock`, and the run can go on."


def list_jobs(folder: Path) -> list[SlurmJob]:
    """List this user's jobs of runs in a folder that wait or run, or are about to end."""
    jobs = []
    for line in _call("squeue", "--me", "--noheader", f"--format={_FIELDS}").splitlines():
        number, name, rule, place = line.split("|", 3)
        if name.startswith(PREFIX) and Path(place) == folder.resolve():
            jobs.append(SlurmJob(number, rule))
    return jobs


def _call(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MissingSoftwareError(f"{command[0]} is absent: run this where Slurm is.") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise StrokeclockError(f"{command[0]} failed ({said}).")
    return done.stdout
