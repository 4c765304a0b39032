"""The commands and files of the documentation, typed in their order in a fresh clone.

The pages are followed one after another, as a reader does: the demo first. A block whose first line names a
file is written there. A text block shows what the command before it prints: each of its lines must be
printed. A comment before a block says that it is not run, or that its output varies from machine to machine.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documented import read_blocks

pytestmark = [pytest.mark.slow, pytest.mark.integration]

PAGES = (
    "docs/start/demo.md",
    "docs/start/patient.md",
    "docs/start/cohort.md",
    *("docs/how-to/bids.md", "docs/how-to/dicom.md", "docs/how-to/quality.md", "docs/how-to/conda-fsl.md"),
    *("docs/how-to/gpu.md", "docs/how-to/container.md", "docs/how-to/cluster.md", "docs/how-to/read.md"),
    *("docs/how-to/share-a-bundle.md", "docs/how-to/another-hospital.md", "docs/how-to/withdrawal.md"),
    *("docs/how-to/new-series.md", "docs/how-to/new-network.md", "docs/how-to/new-table.md"),
    *("docs/how-to/new-toolchain.md", "docs/how-to/train.md", "README.md"),
)
LONGEST_S = 1200


@pytest.fixture(scope="module")
def clone(root, tmp_path_factory):
    """Clone the checkout, with the packages of this environment as its .venv.

    make finds it ready: else it would install the clone into the environment of the tests.
    """
    folder = tmp_path_factory.mktemp("documentation") / "strokeclock"
    subprocess.run(["git", "clone", "-q", str(root), str(folder)], check=True)
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if not part.name.startswith("."):
            (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv/.ready").touch()
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_as_typed(clone, page):
    environment = os.environ | {"PYTHONPATH": str(clone / "src"), "COLUMNS": "120"}
    environment["PATH"] = f"{clone / '.venv/bin'}:{environment['PATH']}"
    printed = ""
    for block in read_blocks(clone / page):
        place = f"{page}, line {block.line}"
        if block.mark == "not run":
            printed = ""
        elif block.file:
            target = clone / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif block.language == "bash":
            printed = run("\n".join(block.commands), clone, environment, place)
        elif block.language == "text" and printed and block.mark != "varies":
            for line in filter(None, map(str.strip, block.text.splitlines())):
                assert line in ("...", "…") or line in printed, f"{place}: {line!r} is not in\n{printed}"


def run(commands, folder, environment, place):
    """Run the commands in one shell; return what they print."""
    process = subprocess.run(
        [shutil.which("bash"), "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert process.returncode == 0, f"{place}:\n{commands}\n{process.stdout}"
    return process.stdout
