"""Rules and scripts name the same things: found here in seconds, where a job would find it after hours."""

import inspect
import json
import re
import runpy
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from strokeclock import job
from strokeclock.imaging import chain, fsl_chain, open_chain
from strokeclock.imaging.findings import Findings, write_findings

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
    """What a script gives `job.run`: [(functions, save, step, given)]."""

    def read(script):
        calls = []

        def note(snakemake, *functions, save=None, step=None, **given):
            calls.append((functions, save, step, given))

        monkeypatch.setattr(job, "run", note)
        snakemake = SimpleNamespace(log=["logs/job.log"], config={"training": {"tensorboard": False}})
        runpy.run_path(str(root / "workflow/scripts" / Path(script).name), {"snakemake": snakemake})
        return calls

    return read


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_rule_names_what_its_script_takes(rules, calls_of, configuration):
    assert len(rules[configuration]) > (60 if configuration != "other" else 10)
    for name, rule in rules[configuration].items():
        ((functions, save, step, given),) = calls_of(rule["script"])
        named = {kind: rule[kind] for kind in ("inputs", "outputs", "params", "wildcards")}
        place = f"rule {name}, script {Path(rule['script']).name}"
        job.match(job.Job(place, **named, given=given), functions, saves=bool(save))
        assert not step or "patient" in rule["wildcards"]


def test_every_script_has_a_rule(rules, root):
    scripts = {Path(rule["script"]).name for listed in rules.values() for rule in listed.values()}
    assert scripts == {path.name for path in (root / "workflow/scripts").glob("*.py")}


# -- one patient in one call (imaging/chain.py) beside the rules


def is_function(value):
    return str(value).startswith("<function")


def preprocess(configuration, rules):
    """Call the door of both toolchains for patient 0, with the files that the rules name."""
    section = yaml.safe_load((ROOT / "config/config.yaml").read_text())["preprocessing"]
    boxes = rules["fsl"]
    outputs = boxes["bias_correction"]["outputs"] | boxes["co_registration"]["outputs"]
    outputs["findings"] = boxes["bias_correction"]["outputs"]["findings"]
    chain.preprocess(
        dict.fromkeys(outputs, "raw.nii"),
        patient="0",
        b_value=1000.0,
        head="auto",
        atlas_files=boxes["atlas"]["outputs"],
        preprocessing=section | CONFIGURATIONS[configuration]["preprocessing"],
        outputs=outputs,
    )


def as_listed(value, scratch=""):
    """A value as LIST_RULES writes it; in the place of the folder ``scratch`` a patient's of the rules."""
    if isinstance(value, dict):
        return {name: as_listed(one, scratch) for name, one in value.items()}
    if isinstance(value, list):
        return [as_listed(one, scratch) for one in value]
    return str(value).replace(scratch, "results/names/fsl/{patient}") if scratch else str(value)


def test_one_call_of_the_fsl_toolchain_does_what_its_rules_do(rules, calls_of, tmp_path, monkeypatch):
    """The same functions with the same files and settings, each after those whose files it takes."""
    boxes = rules["fsl"].keys() - rules["open"].keys() - {"fsl"}
    assert len(boxes) == 6
    expected = {}
    for box in boxes:
        rule = rules["fsl"][box]
        (((function,), _, _, given),) = calls_of(rule["script"])
        named = {kind: rule[kind] for kind in ("inputs", "outputs", "params", "wildcards")}
        (values,), _ = job.match(job.Job(box, **named, given=given), [function])
        if "findings" in values and "outputs" in values:
            values["outputs"].pop("findings", None)  # is passed by its name, too
        expected[function.__name__] = box, values

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fsl_chain, "require_fsl", lambda environ: None)
    called = []

    def note(name, function, *args, **named):
        called.append((name, inspect.signature(function).bind(*args, **named).arguments))
        if "findings" in named:
            write_findings(named["findings"], Findings(derived=False, stripped={}))

    for name in expected:
        monkeypatch.setattr(fsl_chain, name, partial(note, name, getattr(fsl_chain, name)))
    preprocess("fsl", rules)

    assert sorted(name for name, _ in called) == sorted(expected)
    scratch = str(called[0][1]["outputs"]["t2w"].parents[1])
    written = {*rules["fsl"]["atlas"]["outputs"].values()}
    for name, values in called:
        box, by_rule = expected[name]
        own = {key for key, value in by_rule.items() if is_function(value)}
        assert own == ({"raw", "b_value", "head"} if box == "bias_correction" else set())
        assert {key: as_listed(value, scratch) for key, value in values.items() if key not in own} == {
            key: value for key, value in by_rule.items() if key not in own
        }
        assert written >= {*rules["fsl"][box]["inputs"].values()}
        written |= {*rules["fsl"][box]["outputs"].values()}


def test_one_call_of_the_open_toolchain_has_the_settings_of_its_rule(rules, monkeypatch):
    taken = {*inspect.signature(open_chain.preprocess_patient).parameters}
    called = []
    monkeypatch.setattr(chain, "read_atlas", lambda **files: files)
    monkeypatch.setattr(open_chain, "preprocess_patient", lambda raw, **values: called.append(values))
    preprocess("open", rules)
    (values,) = called
    rule = rules["open"]["preprocess"]
    settings = {
        key: value for key, value in rule["params"].items() if key != "code" and not is_function(value)
    }
    assert settings == {key: as_listed(values[key]) for key in settings}
    assert {f"atlas_{name}": file for name, file in values["atlas"].items()} == rule["inputs"]
    assert taken == {*settings, "atlas", "raw", "outputs", "patient", "b_value", "head"}
