"""Other processors and numbers of threads register and strip alike."""

import os
import subprocess
import sys

import numpy as np
import pytest
import yaml

from strokeclock.imaging.volume import read_volume
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

# Phantoms whose T2w or FLAIR once moved by up to 0.04 mm between processors, or numbers of threads.
PHANTOMS = [("siemens", 0, 7), ("philips-ge", 77, 4)]  # site, seed, number
PREPROCESS = """
import sys, yaml
from pathlib import Path
from strokeclock.imaging.chain import preprocess
from strokeclock.toolchain import name_outputs
folder, atlas, out, config = map(Path, sys.argv[1:])
names = ("t2w", "dwi", "flair")
preprocess(
    {name: folder / f"{name}.nii.gz" for name in names},
    patient="p1", b_value=1000.0, head="auto",
    atlas_files={path.name.partition(".")[0]: path for path in atlas.iterdir()},
    preprocessing=yaml.safe_load(config.read_text())["preprocessing"] | {"toolchain": "open"},
    outputs=name_outputs(names, register_dwi=False, folder=str(out)),
)
"""


@pytest.fixture(scope="module", params=PHANTOMS, ids=lambda one: one[0])
def scans(request, tmp_path_factory, root):
    site, seed, number = request.param
    folder = tmp_path_factory.mktemp("scans")
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"] | {"site": site}
    made = make_patient(number, seed=seed, settings=settings)
    files = {name: folder / f"{name}.nii.gz" for name in SERIES}
    write_patient(made, scans=files, lesion=folder / "lesion.nii.gz", brain_mask=folder / "brain.nii.gz")
    return folder


@pytest.fixture(scope="module")
def preprocess(scans, atlas_files, root):
    """A function: preprocess in a process with these variables; return transforms and brain mask."""
    folders = scans, atlas_files["t2w"].parent
    return lambda out, **environment: run([*folders, out, root / "config/config.yaml"], out, environment)


def run(arguments, out, environment):
    command = [sys.executable, "-c", PREPROCESS, *map(str, arguments)]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=os.environ | paths | environment, check=True, capture_output=True)
    mask = read_volume(next(out.rglob("brain_mask.nii.gz")), patient="p1", series="brain_mask")
    found = {name: np.loadtxt(next(out.rglob(f"{name}.txt"))) for name in ("t2w_to_atlas", "flair_to_t2w")}
    return found | {"mask": mask.data}


@pytest.fixture(scope="module")
def here(preprocess, tmp_path_factory):
    return preprocess(tmp_path_factory.mktemp("here"), OPENBLAS_NUM_THREADS="1")


@pytest.mark.parametrize(
    "other",
    [
        {"OPENBLAS_CORETYPE": "Nehalem", "NUMBA_CPU_NAME": "nehalem"},
        {"OPENBLAS_NUM_THREADS": "2"},
    ],
    ids=["old processor", "two threads"],
)
def test_preprocessing_is_the_same(preprocess, here, tmp_path, other):
    """OpenBLAS adds in another order there, and loops are compiled for narrower vectors."""
    found = preprocess(tmp_path, **{"OPENBLAS_NUM_THREADS": "1"} | other)
    for name in ("t2w_to_atlas", "flair_to_t2w"):
        np.testing.assert_allclose(found[name], here[name], rtol=0, atol=1e-6)
    assert (found["mask"] != here["mask"]).sum() == 0
