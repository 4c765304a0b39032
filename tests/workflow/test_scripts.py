"""Rules, scripts, plan and captions fit: found here in seconds, where a job would find it after hours."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from strokeclock import job


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


def test_what_is_shown_has_its_caption(rules, configuration, root):
    folder = root / "workflow/rules"
    captions = {path for rule in rules[configuration].values() for path in rule["shown"].values()}
    assert captions
    assert not [path for path in captions if not (folder / path).resolve().is_file()]
