"""What every test may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def snakemake(tmp_path):
    """Run Snakemake on this project's Snakefile in an empty folder.

    Call it with arguments and, as ``config=``, what differs from config/config.yaml; returns the finished process.
    """

    def run(*arguments: str, config: dict, configfiles: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        own = tmp_path / "own.yaml"
        own.write_text(yaml.safe_dump(config))
        return subprocess.run(
            [
                sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path,
                "--cores", "2", *arguments,
                "--configfile", *(ROOT / "config" / name for name in configfiles), own,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    return run
