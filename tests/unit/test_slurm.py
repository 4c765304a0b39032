"""Which Slurm jobs are a run's own, and that they are waited for; squeue and scancel are scripts here."""

import pytest
import yaml

from strokeclock import slurm
from strokeclock.cli import main
from strokeclock.slurm import PREFIX, SlurmJob, list_jobs

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


def line(number, *, name=f"{PREFIX}_5afe57c5", folder):
    return f"{number}|{name}|rule_phantom|{folder}"


def test_jobs_of_the_folder_alone(queue, tmp_path):
    here = tmp_path / "a folder"
    here.mkdir()
    queue(
        line(1, folder=here),
        line(2, folder=here, name="another_program"),
        line(3, folder=tmp_path),
        line(4, folder=here),
    )
    assert list_jobs(here) == [SlurmJob(number, "rule_phantom") for number in ("1", "4")]


def test_the_command_ends_them_and_waits(queue, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cancelled = queue(line(7, folder=tmp_path), line(8, folder=tmp_path))
    assert main(["cancel"]) == 0
    assert cancelled.read_text().split() == ["7", "8"]
    assert capsys.readouterr().out.splitlines() == [
        "job 7 (rule_phantom) is cancelled",
        "job 8 (rule_phantom) is cancelled",
        "All have ended: `snakemake --unlock`, and the run can go on.",
    ]
    assert not (tmp_path / "queue").read_text()


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
    assert main(["cancel"]) == 1
    assert "squeue is absent: run this where Slurm is." in capsys.readouterr().err
    (tmp_path / "squeue").write_text("#!/bin/sh\necho slurm_load_jobs error: refused >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    assert main(["cancel"]) == 1
    assert "squeue failed (slurm_load_jobs error: refused)." in capsys.readouterr().err


def test_the_profile_names_jobs_so(root):
    profile = yaml.safe_load((root / "profiles/slurm/profile.yaml").read_text())
    assert profile["slurm-jobname-prefix"] == PREFIX
