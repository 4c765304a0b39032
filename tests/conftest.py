"""What every test may use."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", help="that the unit tests train on: cpu or cuda")


@pytest.fixture(scope="session")
def device(request):
    return request.config.getoption("--device")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def run_snakemake():
    """Run Snakemake on this project's Snakefile in a folder.

    Call it with the folder, arguments and, as ``config=``, what differs from config/config.yaml and from the
    ``files`` laid over it; as ``snakefile=`` another checkout's. Returns the finished process, what it said
    in stdout.
    """

    def run(
        folder: Path,
        *arguments: str,
        config: dict,
        files: Iterable[Path] = (),
        snakefile: Path = ROOT / "Snakefile",
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess:
        own = folder / "own.yaml"
        own.write_text(yaml.safe_dump(config))
        return subprocess.run(
            [
                sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--directory", folder,
                *arguments, "--cores", "2", "--configfile", *files, own,
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )  # fmt: skip

    return run


@pytest.fixture
def snakemake(tmp_path, run_snakemake):
    """As `run_snakemake`, in an empty folder."""

    def run(*arguments: str, config: dict) -> subprocess.CompletedProcess:
        return run_snakemake(tmp_path, *arguments, config=config)

    return run
