"""Rules and scripts name the same things: found here in seconds, where a job would find it after hours."""

import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from strokeclock import job

ROOT = Path(__file__).parents[2]
# Behind this project's rules: writes down what each names. A function stands for the files that it finds.
LIST_RULES = f"""
include: "{ROOT}/Snakefile"

import json

def names(values):
    return {{
        name: [*map(str, value)] if isinstance(value, list) else str(value) for name, value in values.items()
    }}

with open("rules.json", "w") as file:
    json.dump(
        {{
            one.name: {{
                "script": one.script,
                "inputs": names(one.input),
                "outputs": names(one.output),
                "params": names(one.params),
                "wildcards": dict.fromkeys(one.wildcard_names, "0"),
            }}
            for one in workflow.rules
            if one.script
        }},
        file,
    )
"""
CONFIGURATIONS = {
    "fsl": {"preprocessing": {"toolchain": "fsl", "dwi_transform": "register"}},
    "open": {"preprocessing": {"toolchain": "open", "intensity": {"matching": "bounded"}}},
    # any files: the jobs alone read the bundle
    "other": {
        "phantom": {"patients": 0},
        "preprocessing": {"toolchain": "open"},
        "reading": {"bundle": str(Path(__file__)), "sheet": "sheet.tsv"},
        "external": {"bundle": str(Path(__file__)), "sheet": "sheet.tsv"},
    },
    "repeats": {
        "preprocessing": {"toolchain": "open", "intensity": {"matching": "bounded"}},
        "split": {"counts": None, "repeats": 2},
        "training": {"search": {"phase1_stroke": {"lr": [1e-4, 1e-3]}}},
    },
    "own": {"preprocessing": {"toolchain": "open"}, "split": {"counts": None, "external": {"site": ["B"]}}},
    "template": {
        "phantom": {"patients": 12, "space": "template"},
        "models": {"view": "brain"},
        # any file: the job alone reads it
        "preprocessing": {"intensity": {"matching": "bounded", "reference": str(Path(__file__))}},
    },
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory, run_snakemake):
    """Of each configuration: rule -> script, inputs, outputs, params, wildcards; wildcards are {name}."""
    listed = {}
    for name, change in CONFIGURATIONS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "list.smk").write_text(LIST_RULES)
        (folder / "sheet.tsv").write_text("patient\tt2w\tdwi\tflair\nsub-1\t\t\t\n")
        config = {"run": "names", "phantom": {"patients": 12}, "split": {"counts": None}} | change
        process = run_snakemake(folder, "--list-rules", config=config, snakefile=folder / "list.smk")
        assert process.returncode == 0, process.stdout
        text = re.sub(r"\{(\w+),[^{}]+\}", r"{\1}", (folder / "rules.json").read_text())
        listed[name] = json.loads(text)
    return listed


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


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_rule_names_what_its_script_takes(rules, calls_of, configuration):
    assert len(rules[configuration]) > (60 if configuration != "other" else 10)
    for name, rule in rules[configuration].items():
        ((functions, save, given),) = calls_of(rule["script"])
        named = {kind: rule[kind] for kind in ("inputs", "outputs", "params", "wildcards")}
        place = f"rule {name}, script {Path(rule['script']).name}"
        job.match(job.Job(place, **named, given=given), functions, saves=bool(save))


def test_every_script_has_a_rule(rules, root):
    scripts = {Path(rule["script"]).name for listed in rules.values() for rule in listed.values()}
    assert scripts == {path.name for path in (root / "workflow/scripts").glob("*.py")}
