"""The data of a training: the hemispheres of the cohort's parts, read and checked."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.parts import check_leakage, check_not_external, read_parts, read_split
from strokeclock.models.channels import has_contralateral
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres, check_channels, check_classes, read_hemispheres

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Material:
    """The data of a training.

    Attributes
    ----------
    grid : voxels of a hemisphere, x y z.
    data : name -> digest or number, for the record.
    participants : part -> patients of the cohort's split; empty for other data sets.
    """

    grid: tuple[int, ...]
    data: Mapping[str, object]
    participants: Mapping[str, list[str]]


@dataclass(frozen=True)
class CohortMaterial(Material):
    """Hemispheres of the cohort: part -> its hemispheres."""

    parts: Mapping[str, Hemispheres]


@dataclass(frozen=True)
class CohortFiles:
    """The cohort's files: manifest.tsv with the hemispheres beside it, cohort.tsv and split.tsv."""

    manifest: str | Path
    cohort: str | Path
    split: str | Path

    def read(
        self,
        parts: Sequence[str],
        *,
        channels: Sequence[str],
        task: Task | None = None,
        left_out: Collection[str] = (),
    ) -> CohortMaterial:
        """Read parts of the cohort (train, validation), for a task or, without one, both hemispheres.

        Patients who are ``left_out`` are in no part, and no participants.

        Raises
        ------
        SplitError
            A part is empty or, for a task, of one class; the hemispheres hold other series.
        PatientError
            A hemisphere holds values that are not finite.
        """
        units = {}
        for part in parts:
            found = read_hemispheres(
                self.manifest,
                cohort=self.cohort,
                split=self.split,
                task=task,
                part=part,
                contralateral=has_contralateral(channels),
            )
            kept = [number for number, patient in enumerate(found.patients) if patient not in left_out]
            units[part] = found.select(kept) if left_out else found
            check_channels(units[part], channels=channels)
            if task is not None:
                check_classes(units[part], phase=task.phase, part=part)
                positives = units[part].labels.sum()
                log.info("%s: %d hemispheres, %d with label 1", part, len(units[part]), positives)
        participants = {
            part: [patient for patient in patients if patient not in left_out]
            for part, patients in read_split(self.split).items()
        }
        learned_from = {patient for found in units.values() for patient in found.patients}
        check_not_external(learned_from, read_parts(self.split), what="a network")
        check_leakage({part: found.participants for part, found in units.items()}, participants)
        return CohortMaterial(
            grid=units[parts[0]].values.shape[2:],
            data={part: found.digest() for part, found in units.items()},
            participants=participants,
            parts=units,
        )
