"""Say which Slurm jobs of a run wait and run, and end those that a killed Snakemake left behind."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from strokeclock.errors import MissingSoftwareError, StrokeclockError

PREFIX = "strokeclock"  # of the jobs' names (slurm-jobname-prefix of profiles/slurm)
_PATIENCE_S = 120  # Slurm kills what has not ended 30 s after scancel, unless it is told otherwise (KillWait)
_TRIES, _RETRY_S = 3, 5  # of each call: a busy controller may refuse one
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 300, 3600  # between two looks of `watch_jobs`
_MOST_TOLD = 10  # jobs, in one go, by `watch_jobs`
# number, name, state, node or reason, times it has run and may run, CPUs, memory, when submitted,
# comment (the rule and its wildcards), working directory
_FIELDS = "%A|%j|%T|%R|%M|%l|%C|%m|%V|%k|%Z"


class SlurmJob(NamedTuple):
    """A job that waits or runs.

    Attributes
    ----------
    number : Slurm's.
    rule : what it does: the rule's name and its wildcards, as the executor notes them.
    state : Slurm's: PENDING, RUNNING, COMPLETING …
    place : the node, or in brackets why it waits.
    elapsed, limit : how long it has run, and may run.
    cpus, memory : what it asks for.
    submitted : when.
    """

    number: str
    rule: str
    state: str
    place: str
    elapsed: str
    limit: str
    cpus: str
    memory: str
    submitted: str


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
        yield describe_jobs(jobs)[0]
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
    yield (
        "All have ended. A Snakemake that still works in this folder submits them again: stop it first with "
        "Ctrl-C. Then `snakemake --unlock --configfile …` with the files of the run, and it can go on."
    )


def list_jobs(folder: Path) -> list[SlurmJob]:
    """List this user's jobs of runs in a folder that wait or run, or are about to end."""
    jobs = []
    for line in _call("squeue", "--me", "--noheader", f"--format={_FIELDS}").splitlines():
        number, name, *rest, comment, folder_of_job = line.split("|", _FIELDS.count("|"))
        if name.startswith(PREFIX) and Path(folder_of_job) == folder.resolve():
            jobs.append(SlurmJob(number, _read_comment(comment), *rest))
    return jobs


def _read_comment(comment: str) -> str:
    """Return "hemispheres b01" of "rule_hemispheres_wildcards_b01"."""
    return comment.removeprefix("rule_").replace("_wildcards_", " ", 1)


def describe_jobs(jobs: list[SlurmJob]) -> list[str]:
    """Return a line a job, and before them how many are in which state."""
    if not jobs:
        return [
            "No job of a run in this folder waits or runs.",
            "Between two jobs this is usual: Snakemake asks Slurm every 40 seconds, or as its profile says. "
            "If it lasts more than five minutes and Snakemake still waits, Slurm has forgotten a job: stop "
            "Snakemake and start it again.",
        ]
    states = [job.state for job in jobs]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return [f"Slurm jobs of this run: {counts}", *map(_describe, jobs)]


def _describe(job: SlurmJob) -> str:
    if job.state == "PENDING":
        asked = f"asks for {job.cpus} CPU, memory {job.memory}, time {job.limit}"
        return f"job {job.number} ({job.rule}) waits since {job.submitted} {job.place}; {asked}"
    return f"job {job.number} ({job.rule}) is {job.state} on {job.place} for {job.elapsed} of {job.limit}"


def watch_jobs(folder: Path, *, tell: Callable[[str], None]) -> None:
    """Look at the jobs for ever, and describe them whenever none has begun or ended between two looks.

    The next look comes after twice as long then. Nothing is told before there was a job, not even that Slurm
    does not answer: another executor may be at work.

    Parameters
    ----------
    folder : see `cancel_jobs`.
    tell : is called with each line.
    """
    before: list[tuple[str, str]] | None = None
    pause = _SHORTEST_PAUSE_S
    while True:
        time.sleep(pause)
        try:
            jobs = list_jobs(folder)
        except StrokeclockError as error:
            if before is not None:
                tell(str(error))
            continue
        now = [(job.number, job.state) for job in jobs]
        if now == before:
            first, *others = describe_jobs(jobs)
            for line in (first, *others[:_MOST_TOLD]):
                tell(line)
            if len(others) > _MOST_TOLD:
                tell("`strokeclock jobs` shows all.")
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        elif now or before:
            pause = _SHORTEST_PAUSE_S
            before = now


def _call(*command: str) -> str:
    said = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_RETRY_S)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise MissingSoftwareError(f"{command[0]} is absent: run this where Slurm is.") from None
        if not done.returncode:
            return done.stdout
        said = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
    raise StrokeclockError(f"{command[0]} failed ({said}).")
