"""The floors of the house: who may know whom."""

import ast
import re
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/strokeclock"
# From the ground up; a folder imports those above it in this list, and the modules on the ground, alone.
FLOORS = (
    ("cohort", "phantom"),
    ("imaging",),
    ("models",),
    ("settings", "training"),
    ("pretraining", "segmentation"),
    ("baselines",),
    ("evaluation",),
    ("explanation",),
    ("figures",),
    ("report",),
)
# What the host reads when it parses the workflow, and what people redraw on a laptop, needs no torch.
WITHOUT_TORCH = ("cohort", "phantom", "imaging", "evaluation", "report")
FOLDERS = [folder for floor in FLOORS for folder in floor]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def imported_by(folder):
    """(file, module) for all imports of a folder."""
    paths = list((SOURCE / folder).rglob("*.py"))
    assert paths
    return [(path.relative_to(SOURCE), name) for path in paths for name in imports(path)]


def test_every_folder_has_its_floor():
    assert sorted(FOLDERS) == sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_run_downward(folder):
    floor = next(number for number, folders in enumerate(FLOORS) if folder in folders)
    forbidden = {other for folders in FLOORS[floor:] for other in folders} - {folder}
    wrong = [
        f"{file} imports {name}"
        for file, name in imported_by(folder)
        if name.startswith("strokeclock.") and name.split(".")[1] in forbidden
    ]
    assert not wrong


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_these_import_no_torch(folder):
    assert not [
        f"{file} imports {name}" for file, name in imported_by(folder) if name.split(".")[0] == "torch"
    ]


def test_settings_import_what_snakemake_brings_alone():
    """The host holds Snakemake and nothing else, and parses the configuration for every job."""
    own = {f"strokeclock.{name}" for name in ("errors", "files", "series", "models.registry", "models.spec")}
    wrong = [
        f"{file} imports {name}"
        for file, name in imported_by("settings")
        if not (name.startswith("strokeclock.settings") or name in own)
        and name.split(".")[0] not in {*sys.stdlib_module_names, "pydantic", "pydantic_core", "yaml"}
    ]
    assert not wrong


def test_the_library_knows_no_snakemake():
    wrong = [path for path in SOURCE.rglob("*.py") if "snakemake" in {n.split(".")[0] for n in imports(path)}]
    assert not wrong


def test_no_network_is_named_outside_models():
    """What is said of one network stands in its spec (models/networks)."""
    names = {"2d", "3d"}
    wrong = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] != "models"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    for path in (SOURCE.parents[1] / "workflow").rglob("*.smk"):
        lines = enumerate(path.read_text().splitlines(), start=1)
        wrong += [f"{path.name}:{n}" for n, line in lines if re.search(r"(?<![_a-z])[23]d\b", line)]
    assert not wrong


def test_scripts_hold_no_method():
    """A script reads the snakemake object and calls the library: no functions, no classes."""
    scripts = list((SOURCE.parents[1] / "workflow/scripts").glob("*.py"))
    assert scripts
    for path in scripts:
        defined = [
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if hasattr(node, "name") and hasattr(node, "body")
        ]
        assert not defined, f"{path.name} defines {defined}"
