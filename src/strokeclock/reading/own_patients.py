"""The patients of a run whose images a reading would refuse: they are too unlike the training patients'."""

from collections.abc import Sequence
from pathlib import Path

from strokeclock.bundle.summary import collect_ranges, measure_images
from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.parts import read_split
from strokeclock.cohort.tables import read_undivided
from strokeclock.reading.unlike import find_far

COLUMNS = ("patient", "reason")


def find_unlike(
    unlike: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    quality: str | Path,
    manifest: str | Path,
    series: Sequence[str],
) -> None:
    """Write which test patients, and which patients in no part, would get no time.

    The ranges are those of the training part, as in a bundle of the run (`bundle.summary`).

    Parameters
    ----------
    unlike : path
        end_to_end/unlike.tsv (`COLUMNS`): the reason names the numbers that are far outside.
    cohort, split, exclusions, quality, manifest : paths
        Tables of the run; the hemispheres lie beside the manifest.
    series : of a hemisphere, in order.
    """
    parts = read_split(split)
    asked = [*parts["test"], *map(str, read_undivided(cohort, split, exclusions=exclusions).index)]
    measured = measure_images([*parts["train"], *asked], quality=quality, manifest=manifest, series=series)
    known = [measured[patient] for patient in parts["train"]]
    ranges = (
        collect_ranges(images.quality for images in known),
        collect_ranges(images.intensities for images in known),
    )
    rows = []
    for patient in asked:
        images = measured[patient]
        if far := find_far(*ranges, quality=images.quality, intensities=images.intensities):
            rows.append((patient, "; ".join(far)))
    write_cells(unlike, COLUMNS, rows)
