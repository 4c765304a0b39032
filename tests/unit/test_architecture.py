"""The floors of the house: who may know whom."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/strokeclock"
FORBIDDEN = {
    "": {"snakemake"},
    "cohort": {"torch", "strokeclock.imaging", "strokeclock.phantom", "strokeclock.training"},
    "imaging": {
        "torch",
        "strokeclock.phantom",
        "strokeclock.training",
        "strokeclock.models",
        "strokeclock.radiomics",
    },
    "radiomics": {"torch", "strokeclock.evaluation", "strokeclock.figures"},
    "phantom": {"torch", "strokeclock.imaging", "strokeclock.cohort", "strokeclock.training"},
    "models": {
        "strokeclock.training",
        "strokeclock.pretraining",
        "strokeclock.imaging",
        "strokeclock.phantom",
    },
    "training": {
        "strokeclock.imaging",
        "strokeclock.phantom",
        "strokeclock.evaluation",
        "strokeclock.figures",
    },
    "evaluation": {"strokeclock.imaging", "strokeclock.phantom", "strokeclock.figures"},
    "figures": {"strokeclock.imaging", "strokeclock.phantom"},
    "report": {"torch", "snakemake", "strokeclock.imaging", "strokeclock.phantom"},
}
# What reads a lesion or an exclusion stands with what writes it.
ALLOWED = {"strokeclock.imaging.lesion", "strokeclock.imaging.exclusion"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_run_downward(folder):
    wrong = {
        f"{path.relative_to(SOURCE)} imports {name}"
        for path in (SOURCE / folder).rglob("*.py")
        for name in imports(path)
        if name not in ALLOWED
        for upper in FORBIDDEN[folder]
        if name == upper or name.startswith(f"{upper}.")
    }
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
