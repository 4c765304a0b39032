"""Rules, scripts, plan and captions fit: found here in seconds, where a job would find it after hours."""

import inspect
import re
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from strokeclock import job

RULE = """

rule spread:
    output: table=report("spread.csv", caption="../report/spred.rst")
    params: part={"test"}
    script: "../scripts/spred.py"
"""


@pytest.fixture
def calls_of(monkeypatch, root):
    """What a script gives `job.run`: [(functions, save, given)]."""

    def read(script):
        calls = []

        def note(snakemake, *functions, save=None, **given):
            calls.append((functions, save, given))

        monkeypatch.setattr(job, "run", note)
        snakemake = SimpleNamespace(log=["logs/job.log"], config={"training": {"tensorboard": False}})
        runpy.run_path(str(root / "workflow/scripts" / Path(script).name), {"snakemake": snakemake})
        return calls

    return read


def test_every_rule_names_what_its_script_takes(rules, calls_of, configuration):
    jobs = {name: rule for name, rule in rules[configuration].items() if rule["script"]}
    assert len(jobs) > (60 if configuration != "other" else 10)
    for name, rule in jobs.items():
        ((functions, save, given),) = calls_of(rule["script"])
        named = {kind: rule[kind] for kind in ("inputs", "outputs", "params", "wildcards")}
        place = f"rule {name}, script {Path(rule['script']).name}"
        job.match(job.Job(place, **named, given=given), functions, saves=bool(save))


def test_every_rule_gives_the_tasks_that_its_script_takes(rules, calls_of, configuration):
    """Their default is the paper's, which a configuration can change."""
    jobs = {name: rule for name, rule in rules[configuration].items() if rule["script"]}
    for name, rule in jobs.items():
        ((functions, _, given),) = calls_of(rule["script"])
        takes = any("tasks" in inspect.signature(function).parameters for function in functions)
        assert not takes or "tasks" in rule["params"] | given, f"rule {name} lacks tasks=plan.tasks.below_min"


def test_every_script_has_a_rule(rules, root):
    every = [rule for listed in rules.values() for rule in listed.values()]
    scripts = {Path(rule["script"]).name for rule in every if rule["script"]}
    assert scripts == {path.name for path in (root / "workflow/scripts").glob("*.py")}


def test_what_is_shown_is_asked_for_under_some_configuration(rules):
    """A file that neither the plan (strokeclock.plan) nor a rule asks for is never made."""
    every = [rule for listed in rules.values() for rule in listed.values()]
    asked = {file for rule in every for file in rule["asks_for"]}
    shown = {file for rule in every for file in rule["shown"]}
    assert len(shown) > 40
    patterns = {file: re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(file)) for file in shown}
    assert not [file for file in shown if not any(re.fullmatch(patterns[file], one) for one in asked)]


def test_a_rule_that_lacks_something_stops_before_the_first_job(root, tmp_path, run_snakemake):
    """In a copy of the checkout there is one rule more."""
    checkout = tmp_path / "checkout"
    for name in ("src", "workflow", "config", "envs", "resources", "profiles"):
        shutil.copytree(root / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", checkout)
    with open(checkout / "workflow/rules/statistics.smk", "a") as file:
        file.write(RULE)
    config = {"phantom": {"patients": 12, "space": "template"}, "split": {"counts": None}}
    process = run_snakemake(tmp_path, "-n", config=config, snakefile=checkout / "Snakefile")
    assert process.returncode == 1
    script, caption = checkout / "workflow/scripts/spred.py", checkout / "workflow/report/spred.rst"
    assert (
        f"rule spread: it has no log; it has no conda; there is no file {script}; "
        f"there is no file {caption}; param part has a value of type set; use "
    ) in process.stdout
