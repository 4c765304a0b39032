"""One phantom patient, raw series to atlas grid: the open toolchain beside the same chain by ANTsPy and FSL.

FSL has a row where it is installed. The floor is the least that any chain does: read, interpolate each series
once at the brain's voxels, write.
"""

import os

os.environ |= {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "ANTS_RANDOM_SEED": "1", "OMP_NUM_THREADS": "1"}

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ants
import numpy as np
import yaml
from timing import Row, compare, cpu_seconds

from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas, read_atlas
from strokeclock.imaging.bias import estimate_field_ants, estimate_field_niimath
from strokeclock.imaging.chain import preprocess
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.toolchain import name_outputs

SETTINGS = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())
RUNS = 2


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure(Path(folder))


def _measure(folder: Path) -> Iterator[Row]:
    raw = {name: folder / f"{name}.nii.gz" for name in SERIES}
    brain_mask = folder / "brain_mask.nii.gz"
    patient = make_patient(1, seed=SETTINGS["phantom"]["seed"], settings=SETTINGS["phantom"])
    write_patient(patient, scans=raw, lesion=folder / "lesion.nii.gz", brain_mask=brain_mask)
    atlas = {name: folder / f"atlas_{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(
        source="nilearn",
        grid=SETTINGS["preprocessing"]["grid"],
        outputs=atlas,
    )

    n4 = {"shrink": SETTINGS["preprocessing"]["n4"]["shrink"]}
    open_n4 = n4 | {"iterations": SETTINGS["preprocessing"]["open"]["n4_iterations"]}
    outputs, fsl_outputs = (
        name_outputs(SETTINGS["models"]["channels"], register_dwi=False, folder=f"{folder}/{toolchain}")
        for toolchain in ("open", "fsl")
    )
    prepared = read_atlas(**{name: atlas[name] for name in ("t2w", "brain_mask", "grid")})
    ours = cpu_seconds(
        lambda: preprocess_patient(
            raw, patient="p", b_value=1000.0,
            atlas=prepared, shared_dwi=True, outputs=outputs, **open_n4,
        ),
        n=RUNS,
    )  # fmt: skip
    yield compare(
        "preprocessing_vs_ants", ours, cpu_seconds(lambda: _ants_chain(raw, atlas), n=RUNS), goal="8", n=RUNS
    )

    if os.environ.get("FSLDIR") and shutil.which("flirt"):
        fsl = cpu_seconds(
            lambda: preprocess(
                raw, patient="p", b_value=1000.0, head="auto", atlas_files=atlas,
                preprocessing=SETTINGS["preprocessing"] | {"toolchain": "fsl"}, outputs=fsl_outputs,
            ),
            n=1,
        )  # fmt: skip
        yield compare("preprocessing_vs_fsl", ours, fsl, goal="35", n=1)

    inside = read_volume(outputs["brain_mask"], patient="p", series="brain_mask").data > 0
    floor = cpu_seconds(lambda: _floor(raw, prepared.grid, inside, outputs), n=RUNS)
    yield compare("preprocessing_vs_floor", ours, floor, goal="", n=RUNS)

    t2w, mask = (read_volume(path, patient="p", series="t2w") for path in (raw["t2w"], brain_mask))
    yield compare(
        "n4_vs_ants",
        cpu_seconds(lambda: estimate_field_niimath(t2w, mask, patient="p", **open_n4), n=RUNS),
        cpu_seconds(
            lambda: estimate_field_ants(t2w, mask, **open_n4),
            n=RUNS,
        ),
        goal="",
        n=RUNS,
    )


def _floor(raw: dict[str, Path], grid: Volume, inside: np.ndarray, outputs: dict[str, str]) -> None:
    for name, path in raw.items():
        volume = read_volume(path, patient="p", series=name)
        write_volume(outputs[name], resample(volume, shape=grid.shape, affine=grid.affine, inside=inside))


def _ants_chain(raw: dict[str, Path], atlas: dict[str, Path]) -> None:
    """Affine, rigid, the atlas mask carried back, N4 by its defaults inside it, one resampling a series."""
    volumes = {name: ants.image_read(str(path)) for name, path in raw.items()}
    head, mask, grid = (ants.image_read(str(atlas[name])) for name in ("t2w", "brain_mask", "grid"))
    brain_atlas = head * mask  # with the drawn scalp of the whole-head atlas ANTs fails
    to_atlas = ants.registration(brain_atlas, volumes["t2w"], type_of_transform="Affine")["fwdtransforms"]
    to_t2w = ants.registration(volumes["t2w"], volumes["flair"], type_of_transform="Rigid")["fwdtransforms"]
    brain = ants.apply_transforms(
        volumes["t2w"], mask, to_atlas, whichtoinvert=[True], interpolator="nearestNeighbor"
    )
    flair_brain = ants.apply_transforms(
        volumes["flair"], brain, to_t2w, whichtoinvert=[True], interpolator="nearestNeighbor"
    )
    masks = {"t2w": brain, "dwi": brain, "flair": flair_brain}
    chains = {"t2w": to_atlas, "dwi": to_atlas, "flair": [*to_atlas, *to_t2w]}
    for name, volume in volumes.items():
        corrected = ants.n4_bias_field_correction(volume, mask=masks[name])
        ants.apply_transforms(grid, corrected, chains[name])
