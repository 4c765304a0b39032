"""The small chain in conda's environments, from a host that holds Snakemake alone.

Needs `conda` on PATH and what its channels offer. No package of this project's own environment is seen.
"""

import os
import re
import shutil
import subprocess
import venv

import pytest
import yaml

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("conda"), reason="conda is not on PATH"),
]


@pytest.fixture(scope="module")
def host(tmp_path_factory, root):
    """Snakemake of a fresh environment, with --use-conda: call it with arguments and a change of settings."""
    folder = tmp_path_factory.mktemp("host")
    venv.create(folder / "host", with_pip=True)
    version = re.search(r"^snakemake==(.+)$", (root / "requirements.lock").read_text(), re.MULTILINE)[1]
    python = folder / "host/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", f"snakemake=={version}"], check=True)
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "FSLDIR", "PYTHONHOME")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}

    def run(*arguments, **change):
        own = folder / "own.yaml"
        own.write_text(yaml.safe_dump(change))
        files = [root / "config/demo.yaml", root / "tests/integration/small.yaml", own]
        process = subprocess.run(
            [
                *(python, "-m", "snakemake", *arguments),
                *("--use-conda", "--conda-prefix", folder / "environments"),
                *("--snakefile", root / "Snakefile", "--directory", folder, "--cores", "2"),
                *("--quiet", "rules", "host", "--configfile", *files),
            ],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout[-5000:]
        return process.stdout

    run.folder = folder
    return run


def test_the_small_chain_runs_in_the_environments(host):
    host("all")
    results = host.folder / "results/small"
    for path in ("tables/table2.csv", "index.html", "bundle/model.zip", "figures/fig8.png"):
        assert (results / path).stat().st_size > 0


def test_a_bundle_reads_in_its_environment(host):
    """Two of its own patients, as if their onset were not known."""
    results = host.folder / "results/small"
    header, *rows = (results / "phantom/cohort.tsv").read_text().splitlines()
    sheet = results / "phantom/unknown.tsv"  # beside the images, which it names by their place
    sheet.write_text("\n".join([header, *rows[:2]]) + "\n")
    host("read", run="read", reading={"bundle": str(results / "bundle/model.zip"), "sheet": str(sheet)})
    assert len([*(host.folder / "results/read").rglob("reading.json")]) == 2


def test_the_environments_of_the_fsl_toolchain_are_made(host):
    change = {"run": "fsl", "preprocessing": {"toolchain": "fsl"}}
    said = host("all", "--conda-create-envs-only", **change)
    assert "fsl.yaml" in said
    assert "reading_fsl.yaml" in said
