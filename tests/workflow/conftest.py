"""The rules of the workflow under several configurations, as Snakemake reads them."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Behind this project's rules: writes down what each names. A function stands for the files that it finds.
LIST_RULES = f"""
include: "{ROOT}/Snakefile"

import json

from snakemake.io import get_flag_value, is_flagged
from snakemake.rules import Wildcards

def names(values):
    return {{
        name: [*map(str, value)] if isinstance(value, list) else str(value) for name, value in values.items()
    }}

def files_of_rule(rule):
    yield from (f"{{file}}/file" if is_flagged(file, "directory") else str(file) for file in rule.output)
    for _, param in rule.params.items():
        if getattr(param, "__qualname__", "").startswith("files_of"):
            batches = patients.phantom_batches if "registered" in rule.name else patients.batches
            for patient, files in param(Wildcards(fromdict={{"batch": next(iter(batches))}})).items():
                yield from (file.replace(patient, "{{patient}}") for file in files.values())

with open("rules.json", "w") as file:
    json.dump(
        {{
            one.name: {{
                "script": one.script,
                "inputs": names(one.input),
                "outputs": names(one.output),
                "params": names(one.params),
                "wildcards": dict.fromkeys(one.wildcard_names, "0"),
                "files": sorted({{*files_of_rule(one)}}),
                "asks_for": [str(file) for file in one.input if not callable(file)],
                "shown": {{
                    str(file): str(get_flag_value(file, "report").caption)
                    for file in one.output
                    if is_flagged(file, "report")
                }},
            }}
            for one in workflow.rules
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


@pytest.fixture(params=CONFIGURATIONS)
def configuration(request):
    """The name of each configuration."""
    return request.param


@pytest.fixture(scope="session")
def rules(tmp_path_factory, run_snakemake):
    """Of each configuration: rule -> script, inputs, outputs, params, wildcards, files; wildcards are {name}.

    The script is null where a rule is a target alone. The files are its outputs and those of its patients.
    Rules ask for files, save those that a function finds; shown is output -> caption of `snakemake --report`.
    """
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
