"""Delete what a run holds of a patient alone."""

import shutil
from pathlib import Path

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.files import write_whole
from strokeclock.predictions import SEAL, read_predictions, write_predictions
from strokeclock.withdrawal.names import NamesOf
from strokeclock.withdrawal.traces import Withdrawal


def withdraw(found: Withdrawal, *, learned: bool = False) -> None:
    """Delete what `find_traces` found of the patient alone; the split, which tells the part, goes last.

    Parameters
    ----------
    learned : delete the models, fitted files and bundles that learned from the patient, too.
    """
    for path in [*found.files, *(found.learned if learned else ())]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    named = NamesOf(found.patient, others=())
    for path in found.logs:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
        kept = "".join(line for line in lines if not named.in_text(line))
        write_whole(path, kept.encode("utf-8", errors="surrogateescape"))
    for path in sorted(found.tables, key=lambda path: path.name == "split.tsv"):
        _remove_rows(path, found.patient)


def _remove_rows(path: Path, patient: str) -> None:
    header, lines = read_cells(path)
    if SEAL in header:
        rows = read_predictions(path, unlabelled=True)
        write_predictions(path, rows[rows["patient"] != patient].itertuples(index=False, name=None))
        return
    at = header.index("patient")
    write_cells(path, header, (cells for _, cells in lines if cells[at] != patient))
