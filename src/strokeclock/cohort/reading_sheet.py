"""The patients of a sheet who are read with a bundle, before any job. Standard library alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strokeclock.batches import deal_batches
from strokeclock.cohort.sheet import Cohort, read_sheet
from strokeclock.series import SERIES, list_sides

B_VALUE = 1000.0  # s/mm², of the paper, where the sheet has none
AUTO = "auto"  # the side is found


@dataclass(frozen=True)
class ReadPatients:
    """The patients of a sheet.

    Attributes
    ----------
    cohort : the sheet. A patient who lacks a series, an onset or a side is in it.
    batches : batch -> its patients, who share a job.
    """

    cohort: Cohort
    batches: Mapping[str, list[str]]

    @property
    def exclusions(self) -> Mapping[str, str]:
        """Patient -> why the sheet's row cannot be used."""
        return self.cohort.exclusions

    def of_batch(self, batch: str) -> list[str]:
        """List the patients of a batch."""
        return self.batches[batch]

    def files_of(self, batch: str) -> list[str]:
        """List the files of their series."""
        rows = self._rows(batch)
        return [row[name] for row in rows for name in SERIES if row[name]]

    def studies(self, batch: str, *, side: str = AUTO) -> dict[str, dict[str, Any]]:
        """Patient -> raw (series -> file), b_value, field_t, side.

        ``side``: auto: found for all; sheet: the sheet's, found where it has none.
        """
        return {
            row["patient"]: {
                "raw": {name: row[name] for name in SERIES if row[name]},
                "b_value": float(row["b_value"] or B_VALUE),
                "field_t": row["field_t"],
                "side": row["lesion_side"] if side == "sheet" and list_sides(row["lesion_side"]) else AUTO,
            }
            for row in self._rows(batch)
        }

    def _rows(self, batch: str) -> list[dict[str, str]]:
        members = {*self.batches[batch]}
        return [row for row in self.cohort.rows if row["patient"] in members]


def read_patients_to_read(sheet: str, *, most: int) -> ReadPatients:
    """Read a sheet of patients to read; ConfigurationError as `read_sheet`.

    ``most``: patients of a batch.
    """
    cohort = read_sheet(sheet, needed=(), require_onset=False)
    return ReadPatients(cohort, deal_batches(cohort.patients, most=most))
