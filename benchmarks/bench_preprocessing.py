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
from strokeclock.imaging.fsl import (
    co_register,
    correct_bias,
    register_to_atlas,
    reorient,
    strip_again,
    strip_skull,
)
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

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
    names = (*SERIES, "adc", "brain_mask")
    outputs = {name: folder / f"out_{name}.nii.gz" for name in names}
    outputs |= {name: folder / f"{name}.txt" for name in ("t2w_to_atlas", "flair_to_t2w")}
    outputs["findings"] = folder / "findings.json"
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
        fsl = cpu_seconds(lambda: _fsl_chain(raw, atlas, folder), n=1)
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


def _floor(raw: dict[str, Path], grid: Volume, inside: np.ndarray, outputs: dict[str, Path]) -> None:
    for name, path in raw.items():
        volume = read_volume(path, patient="p", series=name)
        write_volume(outputs[name], resample(volume, shape=grid.shape, affine=grid.affine, inside=inside))


def _fsl_chain(raw: dict[str, Path], atlas: dict[str, Path], folder: Path) -> None:
    """The steps of the fsl toolchain, one after the other."""
    prep = SETTINGS["preprocessing"]
    series, patient = (*SERIES, "adc"), {"patient": "p"}
    boxes = {
        box: {name: folder / f"{box}_{name}.nii" for name in series}
        for box in ("bias", "upright", "stripped", "done")
    }
    findings = folder / "findings.json"
    correct_bias(
        {**raw, "adc": None},
        outputs=boxes["bias"],
        b_value=1000.0,
        head="auto",
        atlas_t2w=atlas["t2w"],
        atlas_brain_mask=atlas["brain_mask"],
        findings=findings,
        **prep["n4"],
        **patient,
    )
    reorient(boxes["bias"], outputs=boxes["upright"], **patient)
    stripped = {name: boxes["stripped"][name] for name in ("t2w", "flair")}
    strip_skull(
        boxes["upright"],
        outputs=stripped,
        findings=findings,
        fraction=prep["fsl"]["bet_fraction"],
        robust=prep["fsl"]["bet_robust"],
        **patient,
    )
    on_atlas, matrix, mask = folder / "on_atlas.nii", folder / "on_atlas.mat", folder / "mask.nii"
    register_to_atlas(
        stripped["t2w"],
        grid=atlas["grid"],
        brain_mask_grid=atlas["brain_mask_grid"],
        registered=on_atlas,
        matrix=matrix,
        dof=prep["fsl"]["t2w_dof"],
        cost=prep["fsl"]["t2w_cost"],
        **patient,
    )
    strip_again(on_atlas, brain_mask=mask, fraction=prep["fsl"]["second_bet_fraction"], **patient)
    co_register(
        {**boxes["upright"], **{f"stripped_{name}": path for name, path in stripped.items()}},
        t2w_to_atlas=matrix,
        grid=atlas["grid"],
        brain_mask=mask,
        outputs=boxes["done"]
        | {"brain_mask": folder / "brain_done.nii.gz"}
        | {name: folder / f"fsl_{name}.txt" for name in ("t2w_to_atlas", "flair_to_t2w")},
        dof=prep["fsl"]["flair_dof"],
        cost=prep["fsl"]["flair_cost"],
        **patient,
    )


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
