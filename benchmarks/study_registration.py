"""Errors and times of registration on phantoms, whose truth is known; run by hand.

    python benchmarks/study_registration.py --patients 50 --methods open ants flirt > rows.tsv

One row a head and method goes to standard output at once, the summary to standard error.

A phantom's brain is the atlas' brain through an affine and a smooth warp, its b0 is distorted by
susceptibility, and in one of ten the head moves between the FLAIR's slices; so no matrix is without error.
The reference is the one, affine or rigid, that fits best where the brain's voxels show what they show
(``floor`` and ``flair_floor`` are what it leaves); beside it (``_drawn``) the matrix that the phantom was
drawn with, of an undistorted, unmoved head. Errors are mean distances over the brain's voxels in mm; from
8 mm a registration counts as failed. The open chain and ANTsPy get whole heads; FLIRT, and ANTsPy once more,
brains cut out by the true mask, the best that stripping can do. ``dice`` is the open chain's brain mask's.
"""

import os

os.environ |= {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "ANTS_RANDOM_SEED": "1", "OMP_NUM_THREADS": "1"}

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import yaml
from study_mask import dice
from timing import cpu_seconds

from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.alignment import rotation
from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.fsl import flirt_to_world
from strokeclock.imaging.mask import refine_mask
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.rigid import register_rigid
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.phantom import patient as phantom
from strokeclock.phantom.anatomy import draw_shape
from strokeclock.phantom.clinic import SHAPE_STREAM, PatientRecord
from strokeclock.phantom.scanner import Slices

SETTINGS = yaml.safe_load((Path(__file__).parents[1] / "config/config.yaml").read_text())["phantom"]
FAILED = 8.0  # mm
POINTS = 4000


# -- variants of patients


def _protocol(**changes) -> Callable[[PatientRecord], PatientRecord]:
    return lambda r: replace(r, epi=replace(r.epi, **changes), flair=replace(r.flair, **changes))


def _in_plane(mm: float) -> Callable[[PatientRecord], PatientRecord]:
    def change(record):
        epi, flair = (replace(p, voxel_mm=(mm, mm, p.voxel_mm[2])) for p in (record.epi, record.flair))
        return replace(record, epi=epi, flair=flair)

    return change


def _large_lesion(record: PatientRecord) -> PatientRecord:
    """A third of the left hemisphere."""
    return replace(
        record,
        lesion_side="left",
        lesion_volume_left_ml=200.0,
        lesion_volume_right_ml=0.0,
        territory="mca_large",
        dwi_negative=False,
    )


RECORDS: dict[str, Callable[[PatientRecord], PatientRecord]] = {
    "18_slices": _protocol(slices=18, voxel_mm=(1.2, 1.2, 7.5)),
    "73_slices": _protocol(slices=73, voxel_mm=(2.0, 2.0, 2.0)),
    "0.45_mm": _in_plane(0.45),
    "2_mm": _in_plane(2.0),
    "large_lesion": _large_lesion,
}


def _moved_origin(volume: Volume, random: np.random.Generator) -> Volume:
    """The world's origin up to 200 mm off along each axis."""
    affine = volume.affine.copy()
    affine[:3, 3] += random.uniform(-200, 200, 3)
    return Volume(volume.data, affine)


def _rotated(volume: Volume, random: np.random.Generator) -> Volume:
    """Turned by 25 degrees about a random axis through its centre."""
    axis = random.standard_normal(3)
    pitch, roll, yaw = 25 * axis / np.linalg.norm(axis)
    turn = np.eye(4)
    turn[:3, :3] = rotation(pitch=pitch, roll=roll, yaw=yaw)
    turn[:3, 3] = volume.centre - turn[:3, :3] @ volume.centre
    return Volume(volume.data, turn @ volume.affine)


def _cut(volume: Volume, *, top: bool) -> Volume:
    """Without a quarter of its slices."""
    quarter = volume.shape[2] // 4
    first = 0 if top else quarter
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, 2]
    return Volume(volume.data[:, :, first : volume.shape[2] - quarter + first].copy(), affine)


VOLUMES: dict[str, Callable[[Volume, np.random.Generator], Volume]] = {
    "origin": _moved_origin,
    "rotation": _rotated,
    "cut_top": lambda volume, _: _cut(volume, top=True),
    "cut_bottom": lambda volume, _: _cut(volume, top=False),
}
VARIANTS = ("native", *RECORDS, *VOLUMES)


# -- one head with its truth


class Case:
    """Series as volumes and files, and where each point of the brain belongs."""

    def __init__(self, number: int, variant: str, folder: Path):
        change = RECORDS.get(variant, lambda record: record)
        drawn = phantom.draw_patient
        with (
            mock.patch.object(phantom, "draw_patient", lambda *a, **k: change(drawn(*a, **k))),
            _watched("draw_susceptibility") as disturbances,
            _watched("locate") as stacks,
        ):
            made = phantom.make_patient(number, seed=SETTINGS["seed"], settings=SETTINGS)
        names = (*phantom.SERIES, "brain_mask")
        self.files = {name: folder / f"{name}.nii.gz" for name in names}
        phantom.write_patient(
            made,
            scans={name: self.files[name] for name in phantom.SERIES},
            lesion=folder / "lesion.nii.gz",
            brain_mask=self.files["brain_mask"],
        )
        volumes = {
            name: read_volume(path, patient=made.record.patient, series=name)
            for name, path in self.files.items()
        }

        points = _world(volumes["brain_mask"])
        shape = draw_shape(
            np.random.default_rng([SETTINGS["seed"], number, SHAPE_STREAM]),
            age=made.record.age,
            sex=made.record.sex,
        )
        self.affine_drawn = np.linalg.inv(made.measured["atlas_to_t2w"])
        self.flair_drawn = np.linalg.inv(made.measured["t2w_to_flair"])
        pose = stacks[0].arguments[1]
        shown = _at(np.linalg.inv(pose), points)  # head coordinates of what the b0 shows there
        shown[1] -= disturbances[0].result.shift.sample(shown.astype(np.float32))
        template = shape.to_template(shown.astype(np.float32)).astype(float)
        self.affine_best = _fit_affine(points, template)
        self.floor = _spread(_at(self.affine_best, points), template)
        in_flair = _seen(
            _at(stacks[1].arguments[1], shown), stacks[1].arguments[0], stacks[1].options["jitter"]
        )
        self.flair_best = _fit_rigid(in_flair, points)
        self.flair_floor = _spread(_at(self.flair_best, in_flair), points)
        self.points = points

        # A wrong header or a missing slab comes after the truth: the brain's points move with the voxels.
        moves = {"t2w": np.eye(4), "flair": np.eye(4)}
        if variant in VOLUMES:
            for name in names:
                group = "flair" if name == "flair" else "t2w"
                random = np.random.default_rng([number, group == "flair"])  # each series has its own header
                before = volumes[name]
                volumes[name] = VOLUMES[variant](before, random)
                if variant in ("origin", "rotation"):
                    moves[group] = volumes[name].affine @ np.linalg.inv(before.affine)
            self.points = _world(volumes["brain_mask"])
            back = np.linalg.inv(moves["t2w"])
            self.affine_drawn, self.affine_best = self.affine_drawn @ back, self.affine_best @ back
            self.flair_drawn, self.flair_best = (
                moves["t2w"] @ matrix @ np.linalg.inv(moves["flair"])
                for matrix in (self.flair_drawn, self.flair_best)
            )
        # Brain that was cut off below or above is not in the FLAIR's mask either.
        brain = volumes["brain_mask"]
        flair = volumes["flair"]
        volumes["flair_mask"] = resample_mask(
            brain, shape=flair.shape, affine=flair.affine, transform=np.linalg.inv(self.flair_drawn)
        )
        for name in ("t2w", "flair"):
            mask = volumes["flair_mask" if name == "flair" else "brain_mask"]
            volumes[f"{name}_brain"] = Volume(volumes[name].data * mask.data, volumes[name].affine)
        self.volumes = volumes
        self.files = {name: folder / f"{name}.nii.gz" for name in volumes}
        for name, volume in volumes.items():
            write_volume(self.files[name], volume)

    def atlas_errors(self, found: np.ndarray) -> tuple[float, float]:
        """Mean distance (mm) to where the best and the drawn affine take the brain."""
        return tuple(_distance(found, true, self.points) for true in (self.affine_best, self.affine_drawn))

    def flair_errors(self, found: np.ndarray) -> tuple[float, float]:
        """The same of the best and the drawn rigid transform, where each puts the brain's points."""
        return tuple(
            _distance(found @ np.linalg.inv(true), np.eye(4), self.points)
            for true in (self.flair_best, self.flair_drawn)
        )


class _Call(NamedTuple):
    arguments: tuple
    options: dict[str, Any]
    result: Any


@contextmanager
def _watched(name: str) -> Iterator[list[_Call]]:
    """The calls of a function while a phantom is made."""
    calls, function = [], getattr(phantom, name)

    def call(*arguments, **options):
        calls.append(_Call(arguments, options, function(*arguments, **options)))
        return calls[-1].result

    with mock.patch.object(phantom, name, call):
        yield calls


def _seen(points: np.ndarray, stack: Slices, jitter: np.ndarray | None) -> np.ndarray:
    """Where (3, n; world, mm) a stack shows points (3, n; world) when the head jitters between its slices."""
    if jitter is None:
        return points
    i, j, k = _at(np.linalg.inv(stack.affine), points)
    shift_i, shift_j, angle = jitter[np.clip(np.rint(k).astype(int), 0, len(jitter) - 1)].T
    centre_i, centre_j = ((n - 1) / 2 for n in stack.shape[:2])
    i, j, angle = i - centre_i - shift_i, j - centre_j - shift_j, np.deg2rad(angle)
    turned = (np.cos(angle) * i + np.sin(angle) * j, np.cos(angle) * j - np.sin(angle) * i)
    return _at(stack.affine, np.stack([turned[0] + centre_i, turned[1] + centre_j, k]))


def _at(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return matrix[:3, :3] @ points + matrix[:3, 3:]


def _distance(a: np.ndarray, b: np.ndarray, points: np.ndarray) -> float:
    return _spread(_at(a, points), _at(b, points))


def _spread(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=0).mean())


def _world(mask: Volume) -> np.ndarray:
    index = np.argwhere(mask.data > 0).T
    return _at(mask.affine, index[:, :: max(1, index.shape[1] // POINTS)])


def _fit_affine(points: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The affine (4, 4) that takes points (3, n) nearest to others, by least squares."""
    solution, *_ = np.linalg.lstsq(np.vstack([points, np.ones(points.shape[1])]).T, there.T, rcond=None)
    return np.vstack([solution.T, [0, 0, 0, 1]])


def _fit_rigid(points: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The same by a rotation and a shift (Kabsch)."""
    middle, goal = points.mean(axis=1), there.mean(axis=1)
    u, _, v = np.linalg.svd((there - goal[:, None]) @ (points - middle[:, None]).T)
    matrix = np.eye(4)
    matrix[:3, :3] = u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v
    matrix[:3, 3] = goal - matrix[:3, :3] @ middle
    return matrix


# -- methods: b0 to atlas, and FLAIR to b0; both moving world to fixed world


class Open:
    """This project's, on whole heads; the mask that the rigid registration needs is the chain's own."""

    def __init__(self, case: Case, atlas: dict[str, Path]):
        self.case = case
        self.head, self.mask = (
            read_volume(atlas[name], patient="atlas", series=name) for name in ("t2w", "brain_mask")
        )

    def to_atlas(self) -> np.ndarray:
        return register_affine(self.case.volumes["t2w"], self.head, self.mask)

    def find_mask(self, to_atlas: np.ndarray) -> Volume:
        self.brain = refine_mask(self.case.volumes["t2w"], self.mask, to_atlas, patient="phantom")
        return self.brain

    def to_t2w(self) -> np.ndarray:
        series = self.case.volumes
        return register_rigid(series["flair"], series["t2w"], series["dwi"], self.brain)


class Ants:
    """ANTsPy's Affine and Rigid, whole heads to the atlas' brain.

    To nilearn's atlas with its drawn scalp ANTsPy fits scalp to scalp and leaves the brain 18 % too large.
    """

    moving, fixed, flair = "t2w", "brain", "flair"

    def __init__(self, case: Case, atlas: dict[str, Path]):
        import ants  # slow

        self.ants = ants
        self.atlas, self.t2w, self.series = (
            ants.image_read(str(path))
            for path in (atlas[self.fixed], case.files[self.moving], case.files[self.flair])
        )

    def to_atlas(self) -> np.ndarray:
        return self._register(self.atlas, self.t2w, "Affine")

    def find_mask(self, to_atlas: np.ndarray) -> None:
        """None is needed."""

    def to_t2w(self) -> np.ndarray:
        return self._register(self.t2w, self.series, "Rigid")

    def _register(self, fixed, moving, kind: str) -> np.ndarray:
        found = self.ants.registration(fixed, moving, type_of_transform=kind)
        transform = self.ants.read_transform(found["fwdtransforms"][0])
        for path in {*found["fwdtransforms"], *found["invtransforms"]}:
            Path(path).unlink()
        # ITK's matrix takes fixed points to moving points, x and y counted to the left and to the back.
        corners = np.vstack([np.zeros(3), 100 * np.eye(3)])
        moved = np.array([transform.apply_to_point(tuple(corner)) for corner in corners])
        inverse = np.eye(4)
        inverse[:3, :3], inverse[:3, 3] = (moved[1:] - moved[0]).T / 100, moved[0]
        flip = np.diag([-1.0, -1, 1, 1])
        return np.linalg.inv(flip @ inverse @ flip)


class AntsBrain(Ants):
    """The same on stripped brains."""

    moving, flair = "t2w_brain", "flair_brain"


class Flirt:
    """FLIRT on stripped brains: 12 degrees of freedom by corratio, 6 by normmi."""

    def __init__(self, case: Case, atlas: dict[str, Path]):
        self.t2w, self.flair, self.atlas = case.files["t2w_brain"], case.files["flair_brain"], atlas["brain"]

    def to_atlas(self) -> np.ndarray:
        return self._register(self.t2w, self.atlas, dof=12, cost="corratio")

    def find_mask(self, to_atlas: np.ndarray) -> None:
        """None is needed."""

    def to_t2w(self) -> np.ndarray:
        return self._register(self.flair, self.t2w, dof=6, cost="normmi")

    @staticmethod
    def _register(moving: Path, fixed: Path, *, dof: int, cost: str) -> np.ndarray:
        matrix = moving.parent / "flirt.mat"
        command = ["flirt", "-in", moving, "-ref", fixed, "-omat", matrix, "-dof", str(dof)]
        subprocess.run([*command, "-cost", cost, "-searchcost", cost], check=True)
        images = (read_volume(path, patient="phantom", series="brain") for path in (moving, fixed))
        moving, fixed = images  # both were written RAS for FLIRT
        return flirt_to_world(np.loadtxt(matrix), moving=moving, fixed=fixed)


METHODS = {"open": Open, "ants": Ants, "ants_brain": AntsBrain, "flirt": Flirt}


# -- the study


def _measure(case: Case, method: type, atlas: dict[str, Path]) -> dict[str, float]:
    run, found = method(case, atlas), []
    affine_s = cpu_seconds(lambda: found.append(run.to_atlas()), n=1)
    mask = run.find_mask(found[0])
    rigid_s = cpu_seconds(lambda: found.append(run.to_t2w()), n=1)
    b0, b0_drawn = case.atlas_errors(found[0])
    flair, flair_drawn = case.flair_errors(found[1])
    return {
        "b0": b0,
        "b0_drawn": b0_drawn,
        "floor": case.floor,
        "flair": flair,
        "flair_drawn": flair_drawn,
        "flair_floor": case.flair_floor,
        "dice": dice(mask, case.volumes["brain_mask"]) if mask else np.nan,
        "affine_s": affine_s,
        "rigid_s": rigid_s,
    }


def _atlas(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=(112, 112, 26), outputs=files)
    head, mask = (read_volume(files[name], patient="atlas", series=name) for name in ("t2w", "brain_mask"))
    files["brain"] = folder / "brain.nii.gz"
    write_volume(files["brain"], Volume(head.data * mask.data, head.affine))
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--patients", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["open"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["native"])
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.patients)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        atlas_folder = folder / "atlas"
        atlas = _atlas(atlas_folder)
        for variant in arguments.variants:
            rows = {name: [] for name in arguments.methods}
            for number in numbers:
                case = Case(number, variant, folder)
                for name in arguments.methods:
                    row = _measure(case, METHODS[name], atlas)
                    rows[name].append(row)
                    if number == numbers[0] and name == arguments.methods[0]:
                        print("variant", "patient", "method", *row, sep="\t")
                    print(variant, number, name, *(f"{n:.3f}" for n in row.values()), sep="\t", flush=True)
            for name, found in rows.items():
                print(_summary(variant, name, found), file=sys.stderr, flush=True)


def _summary(variant: str, name: str, rows: list[dict[str, float]]) -> str:
    """Median, 95th percentile and worst of each measure; mean seconds; failures."""
    column = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    lines = [f"{variant} {name}, n {len(rows)}"]
    for key, values in column.items():
        if key.endswith("_s"):
            lines.append(f"  {key} {values.mean():.3f}")
        else:
            worst, far = (values.min(), 5) if key == "dice" else (values.max(), 95)
            lines.append(f"  {key} {np.median(values):.3f} {np.percentile(values, far):.3f} {worst:.3f}")
    failures = " ".join(f"{key} {(column[key] > FAILED).sum()}" for key in ("b0", "flair"))
    return "\n".join([*lines, f"  failed: {failures}"])


if __name__ == "__main__":
    main()
