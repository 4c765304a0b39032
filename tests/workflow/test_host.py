"""The machine that runs Snakemake needs Snakemake alone: jobs have environments of their own."""

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
# Imports of what Snakemake does not require fail, as where it is not installed.
BLOCKER = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: it is not on the host", name=name)

sys.meta_path.insert(0, Blocker())
"""


def required(distribution, seen=None):
    """A distribution and all that it requires, names normalised."""
    seen = set() if seen is None else seen
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    if name not in seen:
        seen.add(name)
        try:
            needed = requires(name) or []
        except ModuleNotFoundError:
            needed = []
        for line in needed:
            if "extra ==" not in line:
                required(re.match(r"[\w.-]+", line)[0], seen)
    return seen


@pytest.fixture(scope="module")
def blocked():
    """The modules of all that is installed and that Snakemake does not require."""
    host = required("snakemake") | {"pip", "setuptools", "strokeclock"}
    return {
        module
        for module, distributions in packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", name).lower() in host for name in distributions)
    }


@pytest.fixture
def on_host(tmp_path, blocked):
    """Run Snakemake in a folder as on a bare host, with configuration files and what differs from them."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(BLOCKER.format(blocked=blocked))

    def run(*arguments, files=(), config=None):
        own = tmp_path / "own.yaml"
        own.write_text(yaml.safe_dump(config or {"recipe": "paper"}))
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--cores", "1"]
        command += ["--directory", tmp_path, *arguments, "--configfile", *files, own]
        return subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return run


def test_the_blocker_blocks(tmp_path, blocked):
    assert {"numpy", "pandas", "nibabel", "torch", "sklearn", "nipype"} <= blocked
    assert not {"yaml", "jinja2", "pydantic", "snakemake"} & blocked
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(blocked=blocked))
    process = subprocess.run(
        [sys.executable, "-c", "import numpy"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "not on the host" in process.stderr


@pytest.mark.parametrize(
    "files",
    [("demo",), ("phantom",), ("phantom", "tuned"), ("study/study", "tuned")],
    ids="+".join,
)
def test_every_shipped_configuration_is_read(on_host, files):
    few = {"phantom": {"patients": 30}}
    process = on_host(
        "-n", "--quiet", "all", files=[ROOT / f"config/{name}.yaml" for name in files], config=few
    )
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize("toolchain", ["fsl", "open"])
def test_a_sheet_with_readers_verdicts_and_split_is_read(on_host, tmp_path, toolchain):
    patients = [f"p{number}" for number in range(1, 9)]
    rows = ["patient\tdwi\tt2w\tflair\tonset_to_mri_min\tlesion_side"]
    for patient in patients:
        for name in ("dwi", "t2w", "flair"):
            (tmp_path / f"{patient}_{name}.nii.gz").touch()
        rows.append(
            f"{patient}\t{patient}_dwi.nii.gz\t{patient}_t2w.nii.gz\t{patient}_flair.nii.gz\t120\tleft"
        )
    (tmp_path / "cohort.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "readers.tsv").write_text("patient\treader1\n" + "".join(f"{p}\t1\n" for p in patients))
    (tmp_path / "verdicts.tsv").write_text("patient\tverdict\treason\np1\tpass\tlooked at\n")
    parts = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    split = [f"{patient}\t{part}\n" for patient, part in zip(patients, parts, strict=True)]
    (tmp_path / "split.tsv").write_text("patient\tpart\n" + "".join(split))
    config = {
        "run": "own",
        "cohort": {"sheet": str(tmp_path / "cohort.tsv"), "readers": str(tmp_path / "readers.tsv")},
        "quality": {"verdicts": str(tmp_path / "verdicts.tsv")},
        "split": {"file": str(tmp_path / "split.tsv")},
        "preprocessing": {"toolchain": toolchain},
    }
    process = on_host("-n", "--quiet", "all", config=config)
    assert process.returncode == 0, process.stdout
    assert "gives no part" not in process.stdout
    # a run's own split lacks whom a person or the checks excluded, and the run must take it
    (tmp_path / "split.tsv").write_text("patient\tpart\n" + "".join(split[2:]))
    (tmp_path / "verdicts.tsv").write_text("patient\tverdict\treason\np1\tfail\tmotion\n")
    process = on_host("-n", "--quiet", "all", config=config)
    assert process.returncode == 0, process.stdout
    assert "split.tsv gives no part to p2: unless the checks exclude them, the run stops" in process.stdout
