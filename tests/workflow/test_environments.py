"""Each conda environment carries what its rules' scripts import, at the versions of requirements.lock."""

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml

from strokeclock.toolchain import TOOLCHAINS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}  # conda-forge's: PyPI's
WITH_FSL = {"fsl": "preprocessing", "reading_fsl": "reading"}  # an environment, and the one that it extends


def list_scripts():
    """(script, environment) of all rules; a rule may choose between two."""
    found = set()
    for rule in list_rules():
        (script,) = re.findall(r"scripts/(\w+)\.py", rule) or [None]
        found |= {(script, environment) for environment in name_environments(rule) if script}
    return sorted(found)


def name_environments(rule):
    """The environments that a rule's text names."""
    chosen = {"reading", "reading_fsl"} if "reading_environment(" in rule else set()
    return chosen | {*re.findall(r"envs/(\w+)\.yaml", rule)}


def list_rules():
    """The text of each rule."""
    for rules in sorted((ROOT / "workflow/rules").glob("*.smk")):
        yield from re.split(r"\n *(?:rule|checkpoint)[ :]", rules.read_text())[1:]


SCRIPTS = list_scripts()
ENVIRONMENTS = sorted({environment for _, environment in SCRIPTS})


def imported(path, seen=None):
    """Third-party modules that a file imports or finds, through the project's own modules too."""
    seen = set() if seen is None else seen
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "find_spec":
            names = [node.args[0].value]
        elif isinstance(node, ast.Call) and ast.unparse(node) == "import_module(toolchain.module)":
            names = [toolchain.module for toolchain in TOOLCHAINS.values()]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "strokeclock":
                module = SOURCE / Path(*name.split("."))
                module = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
                if module not in seen and module.is_file():
                    seen.add(module)
                    found |= imported(module, seen)
            elif name.split(".")[0] not in sys.stdlib_module_names:
                found.add(name.split(".")[0])
    return found


def read(environment):
    return yaml.safe_load((ROOT / f"envs/{environment}.yaml").read_text())


def pinned(environment):
    """Package as PyPI names it -> version, of the lists of conda and pip, without what PyPI does not have."""
    found = {}
    for entry in read(environment)["dependencies"]:
        if isinstance(entry, dict):
            found |= dict(requirement.lower().split("==") for requirement in entry["pip"])
        elif not re.match(r"(python=|pip$|bc$|fsl-)", entry):
            name, version = entry.split("=")
            found[NAMES.get(name, name)] = version
    return found


def test_every_script_is_some_rules():
    assert {script for script, _ in SCRIPTS} == {
        path.stem for path in (ROOT / "workflow/scripts").glob("*.py")
    }


def test_every_environment_is_some_rules():
    assert sorted(path.stem for path in (ROOT / "envs").glob("*.yaml")) == ENVIRONMENTS


@pytest.mark.parametrize(("extended", "plain"), WITH_FSL.items())
def test_fsl_comes_from_its_own_channel_beside_the_same_packages(extended, plain):
    contents = [read(name) for name in (extended, plain)]
    assert pinned(extended) == pinned(plain)
    assert contents[0]["channels"][0].startswith("https://fsl.fmrib.ox.ac.uk/")
    assert contents[0]["channels"][1:] == contents[1]["channels"]
    names = [[one for one in content["dependencies"] if isinstance(one, str)] for content in contents]
    added = [name for name in names[0] if name not in names[1]]
    assert [name.partition("=")[0] for name in added] == [
        *("bc", "fsl-avwutils", "fsl-bet2", "fsl-flirt", "fsl-miscmaths"),
    ]


@pytest.mark.parametrize("environment", sorted({*ENVIRONMENTS} - {*WITH_FSL}))
def test_an_environment_carries_what_its_scripts_import_and_no_more(environment):
    distributions = packages_distributions()
    needed = {
        distributions[module][0].lower().replace("_", "-")
        for script, where in SCRIPTS
        if where == environment
        for module in imported(ROOT / f"workflow/scripts/{script}.py")
    }
    assert {name.replace("_", "-") for name in pinned(environment)} == needed


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_versions_are_those_of_the_lock(environment):
    lock = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    )
    for name, version in pinned(environment).items():
        assert lock[name.replace("_", "-")] == version


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_packages_of_the_user_do_not_replace_those_of_an_environment(environment):
    assert read(environment)["variables"] == {"PYTHONNOUSERSITE": "1"}


@pytest.mark.parametrize("environment", sorted({*ENVIRONMENTS} - {"training"}))
def test_torch_is_the_build_for_cpus_where_nothing_is_trained(environment):
    assert not any(str(entry).startswith("pytorch=") for entry in read(environment)["dependencies"])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_pip_brings_only_what_depends_on_nothing_else(environment):
    """Else the versions of what pip brings beside would be anybody's."""
    listed = {name.replace("_", "-") for name in pinned(environment)}
    for entry in read(environment)["dependencies"]:
        for requirement in entry["pip"] if isinstance(entry, dict) else ():
            needed = requires(requirement.partition("==")[0]) or []
            names = {re.match(r"[\w.-]+", one)[0].lower() for one in needed if "extra ==" not in one}
            assert names <= listed


def test_what_uses_a_gpu_has_torch_for_one():
    """conda-forge's pytorch-cpu has no CUDA; of pytorch conda chooses the build for the machine."""
    users = [rule for rule in list_rules() if "gpu=" in rule]
    assert len(users) > 10
    for environment in {name for rule in users for name in name_environments(rule)}:
        packages = [entry for entry in read(environment)["dependencies"] if isinstance(entry, str)]
        assert any(entry.startswith("pytorch=") for entry in packages), environment
