"""Which Slurm jobs are a run's own, what is said of them, and that cancelled ones are waited for.

squeue and scancel are scripts here.
"""

import pytest
import yaml

from strokeclock import slurm
from strokeclock.cli import main
from strokeclock.slurm import PREFIX, list_jobs, watch_jobs

SQUEUE = """#!/bin/sh
cat "{queue}"
if [ -f "{cancelled}" ]; then sed -i 1d "{queue}"; fi  # one job fewer each time
"""
SCANCEL = """#!/bin/sh
echo "$@" > "{cancelled}"
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Write Slurm's queue: lines of squeue."""
    names = {"queue": tmp_path / "queue", "cancelled": tmp_path / "cancelled"}
    for name, text in (("squeue", SQUEUE), ("scancel", SCANCEL)):
        (tmp_path / name).write_text(text.format(**names))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(slurm.time, "sleep", lambda seconds: None)

    def write(*lines):
        names["queue"].write_text("".join(f"{line}\n" for line in lines))
        return names["cancelled"]

    return write


def line(number, *, name=f"{PREFIX}_5afe57c5", state="RUNNING", place="n1", rule="rule_phantom", folder):
    return f"{number}|{name}|{state}|{place}|0:32|30:00|1|2000M|2026-05-04T12:00:00|{rule}|{folder}"


def test_jobs_of_the_folder_alone(queue, tmp_path):
    here = tmp_path / "a folder"
    here.mkdir()
    queue(
        line(1, folder=here),
        line(2, folder=here, name="another_program"),
        line(3, folder=tmp_path),
        line(4, folder=here),
    )
    assert [(job.number, job.rule) for job in list_jobs(here)] == [("1", "phantom"), ("4", "phantom")]


def test_the_command_ends_them_and_waits(queue, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cancelled = queue(line(7, folder=tmp_path), line(8, folder=tmp_path))
    assert main(["cancel"]) == 0
    assert cancelled.read_text().split() == ["7", "8"]
    assert capsys.readouterr().out.splitlines() == [
        "job 7 (phantom) is cancelled",
        "job 8 (phantom) is cancelled",
        "All have ended. A Snakemake that still works in this folder submits them again: stop it first with "
        "Ctrl-C. Then `snakemake --unlock --configfile …` with the files of the run, and it can go on.",
    ]
    assert not (tmp_path / "queue").read_text()


def test_waiting_and_running_jobs_are_described(queue, tmp_path, capsys):
    reason = "(ReqNodeNotAvail, UnavailableNodes:n1)"
    rule = "rule_hemispheres_wildcards_b01"
    queue(
        line(3, folder=tmp_path, rule="rule_phase1_stroke_wildcards_2d_random_0"),
        line(4, folder=tmp_path, rule=rule, state="PENDING", place=reason),
    )
    assert main(["jobs", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Slurm jobs of this run: 1 RUNNING, 1 PENDING",
        "job 3 (phase1_stroke 2d_random_0) is RUNNING on n1 for 0:32 of 30:00",
        f"job 4 (hemispheres b01) waits since 2026-05-04T12:00:00 {reason}; "
        "asks for 1 CPU, memory 2000M, time 30:00",
    ]


def test_a_look_between_two_jobs_says_that_this_is_usual(queue, tmp_path, capsys):
    queue()
    assert main(["jobs", "--directory", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "No job of a run in this folder waits or runs."
    assert "usual: Snakemake asks Slurm every 40 seconds" in second
    assert "more than five minutes" in second


class EndedError(Exception):
    """Ends the watch of a test."""


@pytest.fixture
def watched(queue, tmp_path, monkeypatch):
    """Let the watch look at one queue after another; return what it told, and how long it slept each time."""

    def watch(*looks):
        told, slept, left = [], [], iter(looks)

        def sleep(seconds):
            slept.append(seconds)
            lines = next(left, None)
            if lines is None:
                raise EndedError
            queue(*lines)

        monkeypatch.setattr(slurm.time, "sleep", sleep)
        with pytest.raises(EndedError):
            watch_jobs(tmp_path, tell=told.append)
        return told, slept[:-1]

    return watch


def test_the_watch_speaks_where_nothing_moves_and_then_less_often(watched, tmp_path):
    waiting = [line(4, folder=tmp_path, state="PENDING", place="(Resources)")]
    running = [line(4, folder=tmp_path)]
    told, slept = watched([], [], waiting, waiting, waiting, running, running, [], [])
    assert [text for text in told if not text.startswith(("job", "Between two jobs"))] == [
        "Slurm jobs of this run: 1 PENDING",
        "Slurm jobs of this run: 1 PENDING",
        "Slurm jobs of this run: 1 RUNNING",
        "No job of a run in this folder waits or runs.",
    ]
    assert slept == [300, 300, 300, 300, 600, 1200, 300, 600, 300]


def test_the_watch_names_ten_of_many_jobs(watched, tmp_path):
    many = [line(number, folder=tmp_path) for number in range(12)]
    told, _ = watched(many, many)
    assert len(told) == 12
    assert told[-1] == "`strokeclock jobs` shows all."


DOWN = "down"
SQUEUE_OR_DOWN = """#!/bin/sh
if grep -q down "{queue}"; then echo Unable to contact slurm controller >&2; exit 1; fi
cat "{queue}"
"""


@pytest.mark.parametrize("is_of_slurm", [True, False])
def test_the_watch_says_that_slurm_does_not_answer_a_run_of_slurm(watched, tmp_path, is_of_slurm):
    (tmp_path / "squeue").write_text(SQUEUE_OR_DOWN.format(queue=tmp_path / "queue"))
    first = [line(4, folder=tmp_path)] if is_of_slurm else []
    told, slept = watched(first, [DOWN], [DOWN], [DOWN])
    assert slept == [300, 300, 5, 5]
    assert told == (["squeue failed (Unable to contact slurm controller)."] if is_of_slurm else [])


def test_without_jobs_nothing_is_cancelled(queue, tmp_path, capsys):
    cancelled = queue(line(1, folder="/elsewhere"))
    assert main(["cancel", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No job of a run in this folder waits or runs.\n"
    assert not cancelled.exists()


def test_a_job_that_does_not_end_is_named(queue, tmp_path, monkeypatch, capsys):
    queue(line(9, folder=tmp_path))
    monkeypatch.setattr(slurm, "_PATIENCE_S", -1)
    assert main(["cancel", "--directory", str(tmp_path)]) == 1
    assert "Slurm job 9 does not end" in capsys.readouterr().err


def test_absent_slurm_and_one_that_refuses_are_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slurm.time, "sleep", lambda seconds: None)
    assert main(["cancel"]) == 1
    assert "squeue is absent: run this where Slurm is." in capsys.readouterr().err
    (tmp_path / "squeue").write_text("#!/bin/sh\necho slurm_load_jobs error: refused >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    assert main(["cancel"]) == 1
    assert "squeue failed (slurm_load_jobs error: refused)." in capsys.readouterr().err


def test_a_call_that_fails_once_is_made_again(queue, tmp_path, capsys):
    queue(line(1, folder=tmp_path))
    whole = (tmp_path / "squeue").read_text()
    once = f'[ -e "{tmp_path}/tried" ] || {{ touch "{tmp_path}/tried"; exit 1; }}'
    (tmp_path / "squeue").write_text(whole.replace("\n", f"\n{once}\n", 1))
    assert main(["jobs", "--directory", str(tmp_path)]) == 0
    assert "job 1 (phantom)" in capsys.readouterr().out


def test_the_profile_names_jobs_so(root):
    profile = yaml.safe_load((root / "profiles/slurm/profile.yaml").read_text())
    assert profile["slurm-jobname-prefix"] == PREFIX
