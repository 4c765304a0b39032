"""A wheel, unpacked outside the checkout: the command answers, and reads a patient with a bundle."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
from accessible import find_violations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """Build the wheel, unpack it, and return its folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split("\0")[:-1]:  # not build/, which an earlier build may have left
        if name.startswith(("src/", "pyproject.toml", "README.md", "LICENSE")):
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((root / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    subprocess.run([*pip, "-w", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def strokeclock(installed, folder, *arguments):
    """Run the command from the wheel's files alone."""
    program = (
        "import strokeclock, sys\n"
        f"assert strokeclock.__file__.startswith({str(installed)!r}), strokeclock.__file__\n"
        "from strokeclock.cli import main\n"
        "sys.exit(main())"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_licence_is_in_the_wheel(installed):
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))


def test_the_command_answers(installed, tmp_path):
    process = strokeclock(installed, tmp_path, "--help")
    assert process.returncode == 0, process.stderr
    assert "read" in process.stdout


@pytest.fixture(scope="module")
def reading(installed, root, tmp_path_factory):
    """Read a phantom's DICOM study with the bundle of resources/; return the folder of the reading."""
    from strokeclock.reading.demo import write_new_study

    folder = tmp_path_factory.mktemp("reading")
    study = write_new_study(folder / "study")
    bundle = root / "resources/phantom_bundle.zip"
    process = strokeclock(installed, folder, "read", "-i", str(study), "-m", str(bundle), "-o", "out")
    assert process.returncode == 0, process.stderr
    return folder / "out"


def test_a_patient_is_read(reading):
    assert (reading / "index.html").exists()
    assert json.loads((reading / "reading.json").read_text())["status"] == "answered"


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_of_a_patient_is_accessible(reading, tmp_path, width):
    assert find_violations(reading / "index.html", tmp_path, width=width) == []
