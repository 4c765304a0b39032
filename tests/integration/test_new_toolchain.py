"""The example of docs/how-to/new-toolchain.md, put into a copy of the checkout, preprocesses phantoms."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from documented import read_blocks

from strokeclock.batches import deal_batches
from strokeclock.imaging.atlas import ATLAS_FILES
from strokeclock.imaging.chain import preprocess
from strokeclock.imaging.volume import read_volume
from strokeclock.toolchain import name_outputs

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Of the page's parts in their order: the file, and the text before which the part is put there.
PLACES = (
    ("toolchain.py", "_ALL = ("),
    ("toolchain.py", ")\n\n\ndef by_name("),
    ("settings/preprocessing.py", "class Preprocessing(Group):"),
    ("settings/preprocessing.py", "    intensity: Intensity = section("),
)
OWN = {
    "phantom": {"space": "native"},
    "preprocessing": {
        "toolchain": "smooth",
        "smooth": {"fwhm_mm": 9.0},
        "patients_per_job": 1,
        "dwi_transform": "register",
    },
}
PATIENTS = [f"phantom-{number:04}" for number in range(1, 17)]  # of config/tiny.yaml


@pytest.fixture(scope="module")
def copy(tmp_path_factory, root):
    """A copy of this checkout with the page's example."""
    folder = tmp_path_factory.mktemp("toolchain")
    for name in ("src", "workflow", "config", "resources", "envs", "docs"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", folder)
    page = read_blocks(root / "docs/how-to/new-toolchain.md")
    blocks = [block for block in page if block.language == "python"]
    (module,) = (block for block in blocks if block.file)
    (folder / module.file).write_text(module.text)
    for block, (name, above) in zip((block for block in blocks if not block.file), PLACES, strict=True):
        file = folder / "src/strokeclock" / name
        text = file.read_text()
        assert text.count(above) == 1, above
        file.write_text(text.replace(above, f"{_part_of(block.text)}{above}"))
    return folder


def _part_of(text):
    """What is to be written: where a block shows "..." for what is there already, the lines after it."""
    _, shown, part = text.partition("    ...")
    return part.lstrip(",\n").removesuffix("\n)\n").rstrip() + "\n" if shown else f"{text}\n\n"


def run(folder, *arguments):
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


@pytest.fixture(scope="module")
def patient(copy):
    """The patient that it preprocessed."""
    run(copy, "-m", "strokeclock.settings")
    (copy / "own.yaml").write_text(yaml.safe_dump(OWN))
    batch, (patient,) = next(iter(deal_batches(PATIENTS, most=1).items()))
    command = ("-m", "snakemake", "--cores", "1", "--quiet", "rules", "host", "--configfile")
    run(copy, *command, "config/tiny.yaml", "own.yaml", "--", f"results/tiny/batches/preprocess/{batch}.tsv")
    return patient


def test_the_flair_alone_differs_from_what_open_leaves(copy, patient, tmp_path):
    section = yaml.safe_load((copy / "config/config.yaml").read_text())["preprocessing"]
    assert section["smooth"] == {"fwhm_mm": 3.0}
    results = copy / "results/tiny"
    smooth, plain = (
        name_outputs(("dwi", "t2w", "flair"), register_dwi=True, folder=str(folder))
        for folder in (results / "preprocessed" / patient, tmp_path)
    )
    preprocess(
        {name: results / f"phantom/{patient}/{name}.nii.gz" for name in ("t2w", "dwi", "flair")},
        patient=patient,
        b_value=1000.0,
        head="auto",
        atlas_files={name: results / f"atlas/{name}.nii.gz" for name in ATLAS_FILES},
        preprocessing=section | {"toolchain": "open", "dwi_transform": "register"},
        outputs=plain,
    )
    differ = [name for name in plain if Path(plain[name]).read_bytes() != Path(smooth[name]).read_bytes()]
    assert differ == ["flair"]
    rough, even = (
        read_volume(files["flair"], patient=patient, series="flair").data for files in (plain, smooth)
    )
    assert even[rough > 0].std() < rough[rough > 0].std()


def test_the_methods_have_its_sentence(copy, patient):
    code = (
        "import yaml; from strokeclock.toolchain import TOOLCHAINS; "
        "images = yaml.safe_load(open('config/config.yaml'))['preprocessing']; "
        "print(*TOOLCHAINS['smooth'].describe(images, ['flair']), sep='. ')"
    )
    assert run(copy, "-c", code).endswith(". FLAIR was smoothed inside the brain (FWHM 3 mm)\n")
