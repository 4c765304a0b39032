"""The side of a drawn lesion, measured on the atlas grid, whose middle is the atlas's mid-sagittal plane.

Heads lie tilted and shifted in their scanners, so that neither the order of voxels nor the sign of a
scanner's x tells left from right in the brain. After registration to the atlas, the sign of x does.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from strokeclock.batches import read_batches
from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.errors import StrokeclockError
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.hemispheres import require_symmetric_grid
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.series import BOTH, SIDES

log = logging.getLogger(__name__)

# Least share of a lesion's volume on its side. In 47 phantoms with a lesion on one side it is .969 or more,
# in 17 with lesions on both sides .857 at most (toolchain open).
ONE_SIDED = 0.9
SHEET, MASK = "sheet", "mask"  # where a side is from
FROM = "side_from"


class SideVolumes(NamedTuple):
    """The lesion's volume in mL left and right of the mid-plane, on the atlas grid."""

    left: float
    right: float

    @property
    def side(self) -> str:
        """Left or right where that side holds `ONE_SIDED` of the lesion, else both; "" without a lesion."""
        whole = sum(self)
        if not whole:
            return ""
        return next(
            (side for side, volume in zip(SIDES, self, strict=True) if volume >= ONE_SIDED * whole), BOTH
        )


def measure_sides(lesion: Volume) -> SideVolumes:
    """Measure a lesion (0 or 1) on the atlas grid, (x, y, z), x from left to right."""
    require_symmetric_grid(lesion)
    half, voxel_ml = lesion.shape[0] // 2, float(lesion.spacing.prod()) / 1000
    return SideVolumes(*(float(part.sum()) * voxel_ml for part in (lesion.data[:half], lesion.data[half:])))


def complete_sides(
    entered: str | Path, cohort: str | Path, *, lesions: Iterable[str | Path], measured: Sequence[str]
) -> None:
    """Write cohort.tsv: the checked sheet with the sides that it lacks, as their masks have them.

    A further column, `FROM`, says where each side is from: the sheet, the mask, or empty where it is unknown.

    Parameters
    ----------
    entered : cohort/entered.tsv (`sheet.write_cohort`).
    cohort : cohort/cohort.tsv.
    lesions : tables of the batches' files (`batches`): lesion, on the atlas grid.
    measured : the patients whose side the sheet lacks and who have a drawn mask.
    """
    files = read_batches(lesions, only=measured) if measured else {}
    header, lines = read_cells(entered, error=StrokeclockError, remedy="delete it and run again")
    rows = [dict(zip(header, cells, strict=True)) for _, cells in lines]
    for row in rows:
        row[FROM] = SHEET if row["lesion_side"] else ""
        if found := files.get(row["patient"]):
            row["lesion_side"] = _read_side(found["lesion"], patient=row["patient"])
            row[FROM] = MASK if row["lesion_side"] else ""
    columns = [*header, FROM]
    write_cells(cohort, columns, [[row[name] for name in columns] for row in rows])


def _read_side(path: str | Path, *, patient: str) -> str:
    if reason := read_exclusion(path):
        log.warning("patient %s has no lesion side: %s", patient, reason)
        return ""
    volumes = measure_sides(read_volume(path, patient=patient, series="lesion"))
    log.info(
        "patient %s: %.2f mL left and %.2f mL right, so %s",
        patient,
        volumes.left,
        volumes.right,
        volumes.side,
    )
    return volumes.side


def find_contradiction(lesion: str | Path, *, patient: str, recorded: str) -> str | None:
    """Return why a person should look at a drawn lesion, or None.

    It cannot be used, or it lies on another side than the sheet says.

    Parameters
    ----------
    lesion : on the atlas grid, or the reason why there is none.
    recorded : left, right, both, or "" where the sheet has none.
    """
    if reason := read_exclusion(lesion):
        return reason
    volumes = measure_sides(read_volume(lesion, patient=patient, series="lesion"))
    is_other = volumes.side != recorded if recorded in SIDES else recorded == BOTH and not min(volumes)
    if not is_other:
        return None
    share = volumes.left / sum(volumes)
    return (
        f"lesion_mask lies {share:.0%} on the left and {1 - share:.0%} on the right, and column lesion_side "
        f"is {recorded}: correct one of them"
    )
