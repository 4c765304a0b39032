"""What the workflow itself costs: a dry run over the paper's 422 patients beside one over 42."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from timing import Row, compare, cpu_seconds

ROOT = Path(__file__).parents[1]
RUNS = 2


def measure() -> Iterator[Row]:
    large, small = (
        cpu_seconds(lambda patients=patients: _dry_run(patients), n=RUNS) for patients in (422, 42)
    )
    yield compare("dry_run_422_vs_42", large, small, goal="", n=RUNS)


def _dry_run(patients: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.yaml"
        config = {
            "run": "dry",
            "phantom": {"patients": patients},
            "split": {"counts": None},
            "preprocessing": {"toolchain": "open"},
        }
        own.write_text(yaml.safe_dump(config))
        subprocess.run(
            [
                sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--cores", "1",
                "--snakefile", ROOT / "Snakefile", "--directory", folder, "--configfile", own,
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
