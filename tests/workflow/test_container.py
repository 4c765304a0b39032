"""The Containerfile, as far as it shows without a container engine, and jobs that run in an image."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SMALL = {"run": "own", "phantom": {"patients": 5, "space": "template"}, "split": {"counts": None}}
SMALL |= {"preprocessing": {"grid": [32, 32, 8], "toolchain": "open"}}
JOB = "results/own/batches/phantom_registered/b.tsv"
# Says its version, writes down how it is called, and runs the command here.
APPTAINER = """#!/bin/sh
if [ "$1" = --version ]; then echo apptainer version 1.4.5; exit; fi
echo "$APPTAINER_BIND $*" >> {folder}/called.txt
until [ "$1" = image.sif ]; do shift; done
shift
exec "$@"
"""

# Behind the rules: writes down the image of each that has a script.
LIST_IMAGES = """
with open("images.txt", "w") as file:
    for one in workflow.rules:
        if one.script:
            print(one.container_img, file=file)
"""


def read_stages():
    """The Containerfile's stages: for each its instructions, (word, rest)."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    found = [tuple(line.split(maxsplit=1)) for line in lines if line]
    starts = [number for number, (word, _) in enumerate(found) if word == "FROM"]
    return [found[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


STAGES = read_stages()
FINAL = STAGES[-1]


def copied(stage):
    """What a stage copies from the checkout."""
    copies = [rest.split()[:-1] for word, rest in stage if word == "COPY" and "--from=" not in rest]
    return [source.rstrip("/") for sources in copies for source in sources]


def commands():
    """The commands that the image is built with, split as the shell does."""
    runs = [rest for stage in STAGES for word, rest in stage if word == "RUN"]
    return [shlex.split(command) for rest in runs for command in rest.split("&&")]


def names_of(requirements):
    """The packages that these requirements ask for, without extras."""
    parsed = [Requirement(one) for one in requirements]
    return {
        canonicalize_name(one.name) for one in parsed if not one.marker or one.marker.evaluate({"extra": ""})
    }


def test_what_is_copied_is_all_that_a_run_needs(tmp_path, run_snakemake, monkeypatch):
    checkout = tmp_path / "strokeclock"
    for name in copied(FINAL):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        checkout.mkdir(exist_ok=True)
        copy(ROOT / name, checkout / name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))  # the image has it installed
    files, snakefile = [checkout / "config/demo.yaml"], checkout / "Snakefile"
    process = run_snakemake(tmp_path, "-n", "--quiet", "rules", config={}, files=files, snakefile=snakefile)
    assert process.returncode == 0, process.stdout
    assert "\nresults_page " in process.stdout


def test_the_build_is_given_what_it_takes_and_no_more():
    lines = (ROOT / ".containerignore").read_text().splitlines()
    given = {line[1:] for line in lines if line.startswith("!")}
    assert given == {name for stage in STAGES for name in copied(stage)}
    assert all((ROOT / name).exists() for name in given)


def test_packages_are_the_projects_own_at_the_versions_of_the_lock(tmp_path):
    """Else pip would take the newest of what the lock lacks."""
    lock = names_of(
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")
    )
    seen, waiting = set(), names_of(PROJECT["dependencies"])
    while waiting:
        seen |= waiting
        waiting = {name for one in waiting for name in names_of(requires(one) or [])} - seen
    assert seen - lock == {"setuptools"}  # pip freeze leaves it out
    tools = names_of(PROJECT["optional-dependencies"]["dev"]) - {"jsonschema"}  # Snakemake needs it too
    assert tools <= lock
    assert not tools & seen


def test_pip_installs_nothing_else():
    installs = [one for one in commands() if one[0].endswith("/pip") and one[1] == "install"]
    pinned = ["--constraint", "requirements.lock"]
    assert [one[one.index("--constraint") :] for one in installs if "--constraint" in one] == [
        [*pinned, "torch"],
        [*pinned, "--requirement", "direct.txt"],
    ]
    (own,) = [one for one in installs if "--constraint" not in one]
    assert own[-4:] == ["--no-deps", "--root", "/program", "."]
    assert all("--no-cache-dir" in one for one in installs)


def test_the_list_of_packages_is_made_from_the_project():
    (maker,) = [one for one in commands() if "-c" in one]
    assert maker[-2:] == [">", "direct.txt"]
    program = maker[maker.index("-c") + 1].replace("/source/pyproject.toml", str(ROOT / "pyproject.toml"))
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == PROJECT["dependencies"]


def test_python_is_that_of_the_environments():
    base = re.search(r"^ARG BASE=.*/python:([\d.]+)-slim", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert f"python={base[1]}" in yaml.safe_load((ROOT / "envs/reading.yaml").read_text())["dependencies"]


def test_any_user_runs_it():
    words = dict(FINAL)
    variables = dict(one.split("=", 1) for one in shlex.split(words["ENV"]))
    assert variables["HOME"] == "/tmp"
    assert variables["PYTHONNOUSERSITE"] == variables["NIPYPE_NO_ET"] == "1"
    assert int(words["USER"].split(":")[0]) > 0
    (program,) = ast.literal_eval(words["ENTRYPOINT"])
    assert program in PROJECT["scripts"]


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A stand-in for apptainer, and an image: returns the lines with which it was called."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apptainer").write_text(APPTAINER.format(folder=tmp_path))
    (programs / "apptainer").chmod(0o755)
    (tmp_path / "image.sif").touch()
    monkeypatch.setenv("PATH", f"{programs}:{Path(sys.executable).parent}", prepend=os.pathsep)
    monkeypatch.setenv("APPTAINER_BIND", "/data")
    called = tmp_path / "called.txt"
    return lambda: called.read_text().splitlines() if called.exists() else []


def test_jobs_run_in_the_image_with_this_checkouts_code(snakemake, engine):
    config = SMALL | {"container": "image.sif"}
    process = snakemake(JOB, "--quiet", "rules", "--sdm", "apptainer", config=config)
    assert process.returncode == 0, process.stdout
    (call,) = engine()
    assert call.startswith(f"/data,{ROOT} exec --home ")


def test_jobs_run_without_the_image_unless_apptainer_is_asked_for(snakemake, engine):
    process = snakemake(JOB, "--quiet", "rules", config=SMALL | {"container": "image.sif"})
    assert process.returncode == 0, process.stdout
    assert engine() == []


def test_apptainer_without_an_image_is_told(snakemake, engine):
    process = snakemake("-n", "--quiet", "rules", "--sdm", "apptainer", config=SMALL)
    assert process.returncode == 0, process.stdout
    assert process.stdout.count("the configuration key container names no image") == 1


@pytest.mark.parametrize(
    "taken",
    [
        'include: "{snakefile}"',
        'module own:\n    snakefile: "{snakefile}"\n    config: config\nuse rule * from own as own_*',
    ],
    ids=["own", "module"],
)
def test_an_address_reaches_every_rule(tmp_path, taken, run_snakemake):
    outer = tmp_path / "Snakefile"
    outer.write_text(f"{taken.format(snakefile=ROOT / 'Snakefile')}\n{LIST_IMAGES}")
    address = "docker://example.org/strokeclock:1"
    process = run_snakemake(tmp_path, "--list", config=SMALL | {"container": address}, snakefile=outer)
    assert process.returncode == 0, process.stdout
    images = (tmp_path / "images.txt").read_text().splitlines()
    assert len(images) > 40
    assert {*images} == {address}
