"""The data of a training: the hemispheres of the cohort's parts, read and checked."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.parts import check_leakage, read_split
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
        self, parts: Sequence[str], *, channels: Sequence[str], task: Task | None = None
    ) -> CohortMaterial:
        """Read parts of the cohort (train, validation), for a task or, without one, both hemispheres.

        Raises
        ------
        SplitError
            A part is empty or, for a task, of one class; the hemispheres hold other series.
        PatientError
            A hemisphere holds values that are not finite.
        """
        units = {}
        for part in parts:
            units[part] = read_hemispheres(
                self.manifest,
                cohort=self.cohort,
                split=self.split,
                task=task,
                part=part,
                contralateral=has_contralateral(channels),
            )
            check_channels(units[part], channels=channels)
            if task is not None:
                check_classes(units[part], phase=task.phase, part=part)
                positives = units[part].labels.sum()
                log.info("%s: %d hemispheres, %d with label 1", part, len(units[part]), positives)
        participants = read_split(self.split)
        check_leakage({part: found.participants for part, found in units.items()}, participants)
        return CohortMaterial(
            grid=units[parts[0]].values.shape[2:],
            data={part: found.digest() for part, found in units.items()},
            participants=participants,
            parts=units,
        )
