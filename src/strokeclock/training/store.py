"""The hemispheres of a part, and their labels."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strokeclock.cohort.labels import has_label, label_time
from strokeclock.cohort.parts import SplitError, read_split
from strokeclock.cohort.tables import read_cohort, read_members
from strokeclock.errors import PatientError
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.models.channels import has_contralateral
from strokeclock.series import SIDES, list_sides
from strokeclock.training.phases import Task


@dataclass(frozen=True)
class Stack:
    """Arrays of one shape under one index: indexing copies the chosen arrays, the others stay in their files.

    All axes before the last three of an array, (channels, x, y, z) or (2 hemispheres, channels, x, y, z),
    are channels.
    """

    arrays: tuple[np.ndarray, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        *channels, x, y, z = self.arrays[0].shape
        return len(self.arrays), math.prod(channels), x, y, z

    @property
    def dtype(self) -> np.dtype:
        return self.arrays[0].dtype

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self.arrays))[index]
        if chosen.ndim == 0:
            return self.arrays[chosen].reshape(self.shape[1:])
        return np.stack([self[number] for number in chosen])


@dataclass(frozen=True)
class Hemispheres:
    """The hemispheres of one part of the cohort.

    Attributes
    ----------
    patients, sides : of each hemisphere.
    values : (n, channels, x, y, z) float16; 0 to 1, background 0; mapped from their files.
    labels : (n,) float32, 0 or 1; NaN for phase 0, which has none.
    minutes : (n,) float32, from onset to MRI; NaN where not known.
    """

    patients: tuple[str, ...]
    sides: tuple[str, ...]
    values: Stack
    labels: np.ndarray
    minutes: np.ndarray

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def participants(self) -> list[str]:
        """Each patient once, in order."""
        return list(dict.fromkeys(self.patients))

    def select(self, numbers: Sequence[int]) -> "Hemispheres":
        """Return the hemispheres of these numbers, in this order."""
        chosen = list(numbers)
        return Hemispheres(
            tuple(self.patients[number] for number in chosen),
            tuple(self.sides[number] for number in chosen),
            Stack(tuple(self.values.arrays[number] for number in chosen)),
            self.labels[chosen],
            self.minutes[chosen],
        )

    def digest(self) -> str:
        """Return the sha256 of everything that a training reads of these hemispheres."""
        digest = hashlib.sha256(
            "\n".join(map("\t".join, zip(self.patients, self.sides, strict=True))).encode()
        )
        for numbers in (self.labels, self.minutes):
            digest.update(np.ascontiguousarray(numbers).data)
        for number in range(len(self)):
            digest.update(self.values[number].data)
        return digest.hexdigest()


def read_hemispheres(
    manifest: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    task: Task | None,
    part: str,
    contralateral: bool = False,
) -> Hemispheres:
    """Read one part's hemispheres and their labels for a task.

    Parameters
    ----------
    manifest : hemispheres/manifest.tsv; beside it <patient>.npy, float16 (2, channels, x, y, z): left, then
        right mirrored.
    cohort : cohort.tsv with onset_to_mri_min (minutes), onset_class, lesion_side (left, right, both, none).
    split : split.tsv; patients who are not in it are left out.
    task : for a time task only the lesion's hemispheres are read, of patients who have its label
        (`labels.label_time`); for lesion or not, and without a task (phase 0, no labels), both.
    part : train, validation or test.
    contralateral : each hemisphere has the contralateral one's channels behind its own.

    Raises
    ------
    SplitError
        The part is empty, a patient of it has no lesion side, or none of them has the task's label.
    HemisphereError
        A hemisphere's file is damaged or another one (`open_hemispheres`).
    PatientError
        A hemisphere holds values that are not finite.
    """
    patients = read_split(split)[part]
    if not patients:
        raise SplitError(
            f"{split}: the {part} part is empty: give it patients (split.counts or split.fractions)."
        )
    below_min = None if task is None else task.below_min
    members = read_members(cohort, split, below_min=below_min)[part]
    if len(members) < len(patients):
        sided = has_label(read_cohort(cohort).set_index("patient").reindex(patients), below_min=None)
        if not sided.all():
            raise SplitError(
                f"{split}: patient {sided.index[~sided][0]} has no lesion side in {cohort}: take the patient "
                "out of the split."
            )
        patients = list(members.index)
    if not patients:
        raise SplitError(
            f"{split}: no patient of the {part} part has the label of TSS < {below_min:g} min: give the part "
            "patients of known onset."
        )
    units = []  # patient, side, label, minutes
    short = None if below_min is None else label_time(members, below_min=below_min)
    for patient, lesion, minutes in members[["lesion_side", "onset_to_mri_min"]].itertuples(name=None):
        for side in SIDES:
            has_lesion = side in list_sides(lesion)
            if task is None:
                units.append((patient, side, np.nan, minutes))
            elif short is None:
                units.append((patient, side, has_lesion, minutes))
            elif has_lesion:
                units.append((patient, side, short[patient], minutes))
    names, sides, *numbers = zip(*units, strict=True)
    labels, times = (np.array(column, dtype=np.float32) for column in numbers)
    values = _open_values(manifest, names, sides, contralateral=contralateral)
    return Hemispheres(names, sides, values, labels, times)


def read_sides(
    manifest: str | Path, hemispheres: Sequence[tuple[str, str]], *, contralateral: bool = False
) -> Hemispheres:
    """Read these hemispheres, (patient, side) each, without labels; raises as `read_hemispheres`."""
    names, sides = zip(*hemispheres, strict=True)
    missing = np.full(len(names), np.nan, np.float32)
    values = _open_values(manifest, names, sides, contralateral=contralateral)
    return Hemispheres(names, sides, values, missing, missing)


def _open_values(
    manifest: str | Path, patients: Sequence[str], sides: Sequence[str], *, contralateral: bool
) -> Stack:
    """Open the hemispheres of these patients and sides, and check that their values are finite."""
    files = open_hemispheres(manifest, dict.fromkeys(patients))
    values = tuple(
        choose_side(files[patient], side, contralateral=contralateral)
        for patient, side in zip(patients, sides, strict=True)
    )
    for patient, hemisphere in zip(patients, values, strict=True):
        if not np.isfinite(hemisphere).all():
            raise PatientError(
                patient,
                f"{patient}.npy holds values that are not finite: delete it and make it anew.",
            )
    return Stack(values)


def choose_side(hemispheres: np.ndarray, side: str, *, contralateral: bool) -> np.ndarray:
    """Return one of a patient's hemispheres (2, channels, x, y, z) as a unit, without copying it.

    (channels, x, y, z); with the contralateral one behind it (2, channels, x, y, z).
    """
    if not contralateral:
        return hemispheres[SIDES.index(side)]
    pairs = {"left": slice(None), "right": slice(None, None, -1)}
    return hemispheres[pairs[side]]


def check_channels(hemispheres: Hemispheres, *, channels: Sequence[str]) -> None:
    """Raise SplitError where the hemispheres hold another number of series than ``channels`` names."""
    found = hemispheres.values.shape[1]
    if found != len(channels):
        sides = 1 + has_contralateral(channels)
        series = channels[: len(channels) // sides]
        raise SplitError(
            f"The hemispheres hold {found // sides} series, and models.channels names "
            f"{len(series)} ({', '.join(series)}): make the hemispheres anew."
        )


def check_classes(hemispheres: Hemispheres, *, phase: str, part: str) -> None:
    """Raise SplitError where a part that trains or selects holds hemispheres of one class alone."""
    classes = set(hemispheres.labels.tolist())
    if len(classes) < 2:
        raise SplitError(
            f"{phase}: all {len(hemispheres)} hemispheres of the {part} part have the label "
            f"{classes.pop():.0f}, and both classes are needed: give the part more patients or choose "
            "another split.seed."
        )
