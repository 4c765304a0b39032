"""The floors of the house: who may know whom."""

import ast
import re
import sys
from pathlib import Path

import pytest

from strokeclock.provenance import reach

SOURCE = Path(__file__).parents[2] / "src/strokeclock"
# From the ground up; a folder imports those above it in this list, and the modules on the ground, alone.
FLOORS = (
    ("cohort", "phantom"),
    ("imaging",),
    ("intake",),
    ("models",),
    ("settings", "training"),
    ("pretraining", "segmentation"),
    ("baselines",),
    ("evaluation",),
    ("explanation",),
    ("figures",),
    ("report",),
    ("bundle",),
    ("reading", "withdrawal"),
    ("plan",),
)
# What the host reads when it parses the workflow, and what people redraw on a laptop, needs no torch.
WITHOUT_TORCH = ("cohort", "phantom", "imaging", "intake", "evaluation", "report", "withdrawal", "plan")
FOLDERS = [folder for floor in FLOORS for folder in floor]
# What one file of the workflow sets and others use: where the checkout lies, how paths of results and
# logs begin, and what is taken through the checkpoint. All else is the plan's or the patients'.
WORKFLOW_CONSTANTS = {"BASE", "RUN", "LOG", "SETTLED", "LEARNED_FROM"}


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
    names = ("errors", "files", "series", "statements", "toolchain", "models.registry", "models.spec")
    names += ("phantom.sites",)
    own = {f"strokeclock.{name}" for name in names}
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


def test_what_scripts_reach_knows_no_plan():
    """What is asked for decides on no result: a change of the plan or of the patients makes nothing stale."""
    scripts = list((SOURCE.parents[1] / "workflow/scripts").glob("*.py"))
    assert scripts
    asked = {*(SOURCE / "plan").glob("*.py"), SOURCE / "cohort/patients.py"}
    assert len(asked) > 10
    assert all(path.is_file() for path in asked)
    assert not [path.name for path in scripts if asked & reach(path)]


def names_set(text):
    """The upper-case names that a file of the workflow sets or imports."""
    imported = re.findall(r"^(?:from \S+ )?import (\([^)]*\)|.*)$", text, re.MULTILINE)
    left = re.findall(r"^ *((?:\w+, )*\w+) = ", text, re.MULTILINE)
    return {name for part in (*imported, *left) for name in re.findall(r"\b[A-Z][A-Z0-9_]*\b", part)}


def test_no_constant_travels_between_files_of_the_workflow():
    """The plan says what is to be made; the files keep rules."""
    root = SOURCE.parents[1]
    paths = [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]
    texts = {path.name: re.sub(r"#.*", "", path.read_text()) for path in paths}
    assert len(texts) > 15
    set_by = {file: names_set(text) for file, text in texts.items()}
    assert set_by["common.smk"] >= WORKFLOW_CONSTANTS
    wrong = [
        f"{file} uses {name} of {other}"
        for file, text in texts.items()
        for other, names in set_by.items()
        for name in sorted(names - set_by[file] - WORKFLOW_CONSTANTS)
        if re.search(rf"(?<![\w.]){name}\b", text)
    ]
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
