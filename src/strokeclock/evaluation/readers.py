"""The readers: DWI-FLAIR mismatch calls against TSS < 4.5 h, their majority and their agreement.

The reader sheet is a TSV with the columns patient, reader1, reader2, …; 1 means mismatch present, read as
TSS < 4.5 h.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import ConfigurationError
from strokeclock.evaluation.intervals import Interval, percentile_interval, resample_weights


def read_readers(path: str | Path, *, known: Collection[str], needed: Sequence[str]) -> pd.DataFrame:
    """Read the reader sheet; return the `needed` patients' calls (0 or 1) in that order, one column a reader.

    `known` are the patients of the cohort; the sheet may hold any of them. Raises ConfigurationError, in
    one sentence that names sheet, patient and mend, for missing or unnumbered reader columns, a repeated or
    unknown patient, a needed patient without a row, any value but 0 and 1 (empty: of those who are not
    needed alone), and a file that is no such table.
    """
    header, lines = read_cells(path)
    header = [column.strip() for column in header]
    readers = [column for column in header if column != "patient"]
    if "patient" not in header or not readers:
        raise ConfigurationError(
            f"reader sheet {path} needs the columns patient, reader1, reader2, … (tab-separated)"
        )
    expected = [f"reader{number}" for number in range(1, len(readers) + 1)]
    if wrong := [column for column in readers if column not in expected or readers.count(column) > 1]:
        raise ConfigurationError(
            f"reader sheet {path} has the column {wrong[0]!r}; name reader columns reader1, reader2, …, "
            "each once and without a gap"
        )
    sheet = pd.DataFrame([[cell.strip() for cell in line] for _, line in lines], columns=header, dtype=str)
    if (repeated := sheet["patient"][sheet["patient"].duplicated()]).size:
        raise ConfigurationError(f"reader sheet {path} has patient {repeated.iloc[0]} twice; keep one row")
    if unknown := [patient for patient in sheet["patient"] if patient not in known]:
        raise ConfigurationError(
            f"reader sheet {path} has patient {unknown[0] or '(no id)'}, not in the cohort; correct the id "
            "or drop the row"
        )
    calls = sheet.set_index("patient")[expected]
    if missing := [patient for patient in needed if patient not in calls.index]:
        raise ConfigurationError(
            f"reader sheet {path} lacks {len(missing)} of {len(needed)} test patients, {missing[0]} first; "
            "add their rows, since readers and models must be compared on the same patients"
        )
    may_lack = ~calls.index.isin(needed)  # readers may have left out the other parts
    for reader in expected:
        bad = calls.index[~(calls[reader].isin(["0", "1"]) | (may_lack & (calls[reader] == "")))]
        if bad.size:
            raise ConfigurationError(
                f"reader sheet {path} has {calls.loc[bad[0], reader]!r} for patient {bad[0]}, {reader}; "
                "write 1 for mismatch present or 0 for absent"
            )
    return calls.loc[list(needed)].astype(int)


def vote(calls: pd.DataFrame) -> np.ndarray:
    """Majority of the readers' calls (patients, readers) -> (patients,); a tie of an even number is 0."""
    return (calls.mean(axis=1) > 0.5).to_numpy(int)


def measure_agreement(calls: pd.DataFrame, *, confidence: float, bootstraps: int) -> tuple[float, Interval]:
    """Fleiss' kappa of the calls (patients, readers), with a percentile interval from resampled patients."""
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    table, _ = aggregate_raters(calls.to_numpy())  # (patients, categories): how many readers chose each
    with np.errstate(invalid="ignore"):  # 0/0: all readers always the same call
        kappa = float(fleiss_kappa(table))
        draws = resample_weights(len(table), bootstraps=bootstraps)
        values = [fleiss_kappa(np.repeat(table, times, axis=0)) for times in draws]
    return kappa, percentile_interval(values, confidence=confidence)
