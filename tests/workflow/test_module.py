"""The workflow as a module of another one, with and without a prefix, and its second Snakefile."""

import re
import subprocess
import sys

import pytest
import yaml

OUTER = """
configfile: "mine.yaml"

module strokeclock:
    snakefile: "{snakefile}"
    config: config

use rule * from strokeclock{alias}

rule outer:
    default_target: True
    input: rules.{prefix}all.input
"""


@pytest.mark.parametrize(
    ("snakefile", "prefix", "target"),
    [
        ("Snakefile", "stroke_", "outer"),
        ("Snakefile", "stroke_", "stroke_quality"),
        ("Snakefile", "", "outer"),
        ("workflow/Snakefile", "stroke_", "outer"),
        ("workflow/Snakefile", "", "outer"),
    ],
)
def test_another_workflow_takes_this_one(tmp_path, root, snakefile, prefix, target):
    """What its configuration leaves out is as in config/config.yaml."""
    alias = f" as {prefix}*" if prefix else ""
    outer = OUTER.format(snakefile=root / snakefile, alias=alias, prefix=prefix)
    (tmp_path / "Snakefile").write_text(outer)
    mine = {"run": "outer", "phantom": {"patients": 6}, "split": {"counts": None}}
    mine |= {"preprocessing": {"toolchain": "open"}, "training": {"seeds": [0]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine))
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--quiet", "rules", "--", target],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = process.stdout + process.stderr
    assert process.returncode == 0, said
    assert f"\n{prefix}hemispheres " in said
    assert (f"\n{prefix}table2 " in said) == (target == "outer")


@pytest.mark.parametrize("prefix", ["stroke_", ""])
def test_another_workflow_takes_repeated_splits_too(tmp_path, root, prefix):
    alias = f" as {prefix}*" if prefix else ""
    outer = OUTER.format(snakefile=root / "Snakefile", alias=alias, prefix=prefix)
    (tmp_path / "Snakefile").write_text(outer)
    mine = {"run": "outer", "phantom": {"patients": 6}, "split": {"counts": None, "repeats": 3}}
    mine |= {"preprocessing": {"toolchain": "open"}, "training": {"seeds": [0]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine))
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--quiet", "rules", "--", "outer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    said = process.stdout + process.stderr
    assert process.returncode == 0, said
    assert re.search(rf"^{prefix}repeat_split +2$", said, re.MULTILINE)
    assert re.search(rf"^{prefix}repeat_phase1_stroke +4$", said, re.MULTILINE)


def test_the_second_snakefile_is_the_first(tmp_path, root, run_snakemake):
    mine = {"run": "outer", "phantom": {"patients": 6}, "split": {"counts": None}}
    said = []
    for name in ("Snakefile", "workflow/Snakefile"):
        process = run_snakemake(tmp_path, "-n", "--quiet", "rules", config=mine, snakefile=root / name)
        assert process.returncode == 0, process.stdout
        table = process.stdout.partition("Job stats:")[2].partition("Reasons:")[0]
        said.append({*table.splitlines()} - {""})
    assert {line.split()[0] for line in said[1] ^ said[0]} == {"all", "default"}
    assert any(line.startswith("hemispheres ") for line in said[1])
