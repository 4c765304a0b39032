"""The workflow as a module of another one, under a prefix."""

import subprocess
import sys

import pytest
import yaml

OUTER = """
configfile: "mine.yaml"

module strokeclock:
    snakefile: "{snakefile}"
    config: config

use rule * from strokeclock as stroke_*

rule all:
    default_target: True
    input: rules.stroke_all.input
"""


@pytest.mark.parametrize("target", ["all", "stroke_quality"])
def test_another_workflow_takes_this_one(tmp_path, root, target):
    """What its configuration leaves out is as in config/config.yaml."""
    (tmp_path / "Snakefile").write_text(OUTER.format(snakefile=root / "Snakefile"))
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
    assert "stroke_hemispheres " in said
    assert ("stroke_table2 " in said) == (target == "all")
