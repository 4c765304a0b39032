"""How many patients of a run entered, were excluded, and are in each part."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.labels import has_lesion, has_onset, label_time
from strokeclock.cohort.onset import MINUTES
from strokeclock.cohort.parts import EXTERNAL, PARTS, read_exclusions
from strokeclock.cohort.tables import read_cohort, read_split_table


@dataclass(frozen=True)
class People:
    """Numbers of patients.

    Attributes
    ----------
    entered : all patients.
    excluded : stage -> how many were excluded there.
    unlabelled : not excluded, but without onset or side of the lesion, and in no part.
    parts : part (train, validation, test) -> how many of known onset.
    below : minutes -> part -> how many have a shorter time from onset to MRI.
    of_class : of those in parts, how many have a class of the onset alone.
    unknown_onset, without_lesion : further ones, from whom no time is learned.
    external : of the external part, which is not among all these.
    """

    entered: int
    excluded: Mapping[str, int]
    unlabelled: int
    parts: Mapping[str, int]
    below: Mapping[float, Mapping[str, int]]
    of_class: int = 0
    unknown_onset: int = 0
    without_lesion: int = 0
    external: int = 0


def count_people(
    cohort: str | Path, split: str | Path, *, exclusions: str | Path, below_min: tuple[float, ...]
) -> People:
    """Count the patients of cohort.tsv, split.tsv and exclusions.tsv."""
    left = read_exclusions(exclusions)
    patients = read_cohort(cohort).set_index("patient")
    parts = read_split_table(split).set_index("patient")["part"]
    divided = patients.reindex(parts.index)
    known, has_side = has_onset(divided) & parts.isin(PARTS), has_lesion(divided)
    others = ~has_onset(divided) & parts.isin(PARTS)
    short = {limit: (label_time(divided, below_min=limit) == 1) & known for limit in below_min}
    stayed = patients[~patients.index.isin([*left, *parts.index])]
    return People(
        entered=len({*patients.index, *left}),
        excluded=dict(Counter(left.values())),
        unlabelled=int((~has_onset(stayed)).sum()),
        parts={part: int((known & (parts == part)).sum()) for part in PARTS},
        below={
            limit: {part: int((found & (parts == part)).sum()) for part in PARTS}
            for limit, found in short.items()
        },
        of_class=int((known & divided[MINUTES].isna()).sum()),
        unknown_onset=int((others & has_side).sum()),
        without_lesion=int((others & ~has_side).sum()),
        external=int((parts == EXTERNAL).sum()),
    )
