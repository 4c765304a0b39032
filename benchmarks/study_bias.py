"""How much of a bias field N4 leaves: SD over the brain of the log of (estimated / true) field, by schedule.

    python benchmarks/study_bias.py --schedules 20x20 30x30x30 --heads b0.nii.gz:mask.nii.gz

t2w, flair: phantoms, against the sensitivity of the coil that they were scanned with. put_on: a phantom's
coil on top of a real scan, against the change of the estimate; this measure favours strong correction even
where anatomy is taken for a field. `none` is the field itself. All inside the known brain mask; CPU seconds a
field.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1"}

import argparse
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import yaml
from timing import cpu_seconds

from strokeclock.imaging.bias import estimate_field_niimath
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.phantom import patient as phantom
from strokeclock.phantom.anatomy import draw_shape
from strokeclock.phantom.clinic import SHAPE_STREAM
from strokeclock.phantom.lattice import Lattice
from strokeclock.phantom.scanner import draw_coil

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())


class Case(NamedTuple):
    """A volume, its brain, the field to find, and the volume before the field was put on it."""

    measure: str
    volume: Volume
    mask: Volume
    field: np.ndarray
    before: Volume | None


def main() -> None:
    settings = CONFIG["preprocessing"]
    chosen = "x".join(map(str, settings["open"]["n4_iterations"]))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=12, help="phantoms")
    parser.add_argument("--schedules", nargs="*", default=[chosen], help="iterations, coarse to fine: 20x20")
    parser.add_argument("--shrink", type=int, default=settings["n4"]["shrink"])
    parser.add_argument("--heads", nargs="*", default=[], metavar="T2W:MASK", help="real scans")
    arguments = parser.parse_args()

    left, seconds = defaultdict(list), defaultdict(list)
    cases = [case for number in range(1, arguments.patients + 1) for case in _phantom(number)]
    cases += [_real(*head.split(":")) for head in arguments.heads]
    for case in cases:
        left[case.measure, "none"].append(_spread(case.field, case.mask))
        for schedule in arguments.schedules:
            n4 = {"shrink": arguments.shrink, "iterations": [int(n) for n in schedule.split("x")]}
            found = []
            seconds[case.measure, schedule].append(
                cpu_seconds(lambda: found.append(_estimate(case.volume, case.mask, n4)), n=1)  # noqa: B023
            )
            before = _estimate(case.before, case.mask, n4) if case.before else 1.0
            left[case.measure, schedule].append(_spread(found[0] / before / case.field, case.mask))
    print("measure", "schedule", "n", "median", "max", "cpu_s", sep="\t")
    for (measure, schedule), values in sorted(left.items()):
        numbers = (statistics.median(values), max(values))
        cpu = statistics.mean(seconds[measure, schedule] or [0])
        print(measure, schedule, len(values), *(f"{n:.4f}" for n in numbers), f"{cpu:.3f}", sep="\t")


def _phantom(number: int) -> list[Case]:
    """T2w and FLAIR of one phantom with the coil at their voxels, as it was drawn for them."""
    coils = []

    def keep(rng: np.random.Generator, *, strength: float) -> Lattice:
        coils.append(draw_coil(rng, strength=strength))
        return coils[-1]

    with mock.patch.object(phantom, "draw_coil", keep):
        patient = phantom.make_patient(number, seed=CONFIG["phantom"]["seed"], settings=CONFIG["phantom"])
    rng = np.random.default_rng([CONFIG["phantom"]["seed"], number, SHAPE_STREAM])
    shape = draw_shape(rng, age=patient.record.age, sex=patient.record.sex)
    slip = np.array(patient.measured["t2w_to_flair"])
    pose = np.array(patient.measured["atlas_to_t2w"]) @ np.linalg.inv(shape.affine)
    with tempfile.TemporaryDirectory() as name:
        paths = {series: Path(name) / f"{series}.nii.gz" for series in (*phantom.SERIES, "lesion", "mask")}
        scans = {series: paths[series] for series in phantom.SERIES}
        phantom.write_patient(patient, scans=scans, lesion=paths["lesion"], brain_mask=paths["mask"])
        brain, t2w, flair = (
            read_volume(paths[series], patient=str(number), series=series)
            for series in ("mask", "t2w", "flair")
        )
    cases = []
    for series, volume, motion in (("t2w", t2w, np.eye(4)), ("flair", flair, slip)):
        mask = resample_mask(brain, shape=volume.shape, affine=volume.affine, transform=motion)
        cases.append(Case(series, volume, mask, _sensitivity(coils[0], volume, motion @ pose), None))
    return cases


def _real(t2w: str, mask: str) -> Case:
    volume = read_volume(t2w, patient=t2w, series="t2w")
    brain = read_volume(mask, patient=t2w, series="brain mask")
    centre = np.eye(4)
    centre[:3, 3] = volume.affine[:3, :3] @ np.argwhere(brain.data > 0).mean(0) + volume.affine[:3, 3]
    field = _sensitivity(draw_coil(np.random.default_rng(0)), volume, centre)
    return Case("put_on", Volume(volume.data * field, volume.affine), brain, field, volume)


def _sensitivity(coil: Lattice, volume: Volume, pose: np.ndarray) -> np.ndarray:
    """The coil at the volume's voxels; pose: head coordinates to world, (4, 4), mm."""
    to_head = np.linalg.inv(pose) @ volume.affine
    points = to_head[:3, :3] @ np.indices(volume.shape).reshape(3, -1) + to_head[:3, 3:]
    return coil.sample(points.astype(np.float32)).reshape(volume.shape)


def _estimate(volume: Volume, mask: Volume, n4: dict) -> np.ndarray:
    return estimate_field_niimath(volume, mask, **n4, patient="study").data


def _spread(field: np.ndarray, mask: Volume) -> float:
    return float(np.log(field[mask.data > 0]).std())


if __name__ == "__main__":
    main()
