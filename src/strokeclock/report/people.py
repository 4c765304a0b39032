"""How many patients of a run entered, were excluded, and are in each part."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.parts import PARTS, read_exclusions
from strokeclock.cohort.split import is_labelled, read_cohort, read_split_table


@dataclass(frozen=True)
class People:
    """Numbers of patients.

    Attributes
    ----------
    entered : all patients.
    excluded : stage -> how many were excluded there.
    unlabelled : not excluded, but without onset time or side of the lesion, so in no part.
    parts : part (train, validation, test) -> how many.
    below : minutes -> part -> how many have a shorter time from onset to MRI.
    """

    entered: int
    excluded: Mapping[str, int]
    unlabelled: int
    parts: Mapping[str, int]
    below: Mapping[float, Mapping[str, int]]


def count_people(
    cohort: str | Path, split: str | Path, *, exclusions: str | Path, below_min: tuple[float, ...]
) -> People:
    """Count the patients of cohort.tsv, split.tsv and exclusions.tsv."""
    left = read_exclusions(exclusions)
    patients = read_cohort(cohort).set_index("patient")
    parts = read_split_table(split).set_index("patient")["part"]
    minutes = patients["onset_to_mri_min"].reindex(parts.index)
    stayed = patients[~patients.index.isin([*left])]
    return People(
        entered=len({*patients.index, *left}),
        excluded=dict(Counter(left.values())),
        unlabelled=int((~is_labelled(stayed)).sum()),
        parts={part: int((parts == part).sum()) for part in PARTS},
        below={
            limit: {part: int(((parts == part) & (minutes < limit)).sum()) for part in PARTS}
            for limit in below_min
        },
    )
