"""How well the brain mask fits: Dice against the truth of phantoms and the masks shipped with real heads.

    python benchmarks/study_mask.py --patients 20 --heads b0.nii.gz:mask.nii.gz

carried: the atlas' mask, taken back by the affine. refined: what the open toolchain uses. bet: FSL's, as
configured, where FSL is installed. CPU seconds leave the registration out.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from timing import cpu_seconds

from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.fsl import skull_stripping
from strokeclock.imaging.mask import refine_mask
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())


class Case(NamedTuple):
    name: str
    t2w: Volume
    truth: Volume
    to_atlas: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=20, help="phantoms")
    parser.add_argument("--heads", nargs="*", default=[], metavar="T2W:MASK", help="real heads")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        atlas, atlas_mask = _atlas(folder)
        methods = {
            "carried": lambda case: resample_mask(
                atlas_mask,
                shape=case.t2w.shape,
                affine=case.t2w.affine,
                transform=np.linalg.inv(case.to_atlas),
            ),
            "refined": lambda case: refine_mask(case.t2w, atlas_mask, case.to_atlas, patient=case.name),
        }
        if shutil.which("bet"):
            methods["bet"] = lambda case: _bet(case, folder)
        pairs = [tuple(head.split(":")) for head in arguments.heads]
        print("cases", "method", "n", "median", "min", "cpu_s", sep="\t")
        if arguments.patients:
            _report("phantoms", _phantoms(arguments.patients, folder, atlas, atlas_mask), methods)
        for t2w, mask in pairs:
            _report(Path(t2w).name, [_case(Path(t2w).name, t2w, mask, atlas, atlas_mask)], methods)


def _report(name: str, cases: Iterable[Case], methods: dict[str, Callable[[Case], Volume]]) -> None:
    """One row a method."""
    measured = {method: [] for method in methods}
    for case in cases:
        for method, make in methods.items():
            found = []
            seconds = cpu_seconds(lambda: found.append(make(case)), n=1)  # noqa: B023 (called at once)
            measured[method].append((dice(found[0], case.truth), seconds))
    for method, pairs in measured.items():
        found, seconds = zip(*pairs, strict=True)
        numbers = (statistics.median(found), min(found), statistics.mean(seconds))
        print(name, method, len(found), *(f"{number:.3f}" for number in numbers), sep="\t", flush=True)


def _phantoms(patients: int, folder: Path, atlas: Volume, atlas_mask: Volume) -> Iterator[Case]:
    seed = CONFIG["phantom"]["seed"]
    scans = {name: folder / f"{name}.nii.gz" for name in SERIES}
    truth = folder / "truth.nii.gz"
    for number in range(1, patients + 1):
        patient = make_patient(number, seed=seed, settings=CONFIG["phantom"])
        write_patient(patient, scans=scans, lesion=folder / "lesion.nii.gz", brain_mask=truth)
        yield _case(f"phantom-{number:04d}", scans["t2w"], truth, atlas, atlas_mask)


def _case(name: str, t2w: str | Path, mask: str | Path, atlas: Volume, atlas_mask: Volume) -> Case:
    head = read_volume(t2w, patient=name, series="t2w")
    truth = read_volume(mask, patient=name, series="brain mask")
    return Case(name, head, truth, register_affine(head, atlas, atlas_mask))


def _atlas(folder: Path) -> tuple[Volume, Volume]:
    paths = {name: folder / f"atlas_{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=CONFIG["preprocessing"]["grid"], outputs=paths)
    head, mask = (read_volume(paths[name], patient="atlas", series=name) for name in ("t2w", "brain_mask"))
    return head, mask


def _bet(case: Case, folder: Path) -> Volume:
    head, brain = folder / "head.nii.gz", folder / "brain.nii"
    write_volume(head, case.t2w)
    settings = CONFIG["preprocessing"]["fsl"]
    skull_stripping(head, out=brain, fraction=settings["bet_fraction"], robust=settings["bet_robust"]).run()
    return read_volume(brain, patient=case.name, series="brain")


def dice(found: Volume, truth: Volume) -> float:
    found, truth = found.data > 0, truth.data > 0
    return float(2 * np.count_nonzero(found & truth) / (found.sum() + truth.sum()))


if __name__ == "__main__":
    main()
