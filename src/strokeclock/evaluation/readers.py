"""The readers: DWI-FLAIR mismatch calls against TSS < 4.5 h, their majority and their agreement.

A call of 1 (mismatch present) is read as TSS < 4.5 h.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.evaluation.intervals import Interval, percentile_interval, resample_weights


def read_readers(path: str | Path, *, known: Collection[str], needed: Sequence[str]) -> pd.DataFrame:
    """Read the reader sheet; return the `needed` patients' calls (0 or 1) in that order, one column a reader.

    Raises the errors of `read_reader_sheet`.
    """
    sheet = read_reader_sheet(path, known=known, needed=needed)
    return _tabulate(sheet.readers, sheet.calls, needed)


def read_assisted_readers(
    path: str | Path, *, known: Collection[str], needed: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the calls as `read_readers`, and those with the model of the readers who have any.

    Raises the errors of `read_reader_sheet`.
    """
    sheet = read_reader_sheet(path, known=known, needed=needed)
    alone = _tabulate(sheet.readers, sheet.calls, needed)
    return alone, _tabulate(sheet.assisted, sheet.assisted_calls, needed)


def _tabulate(
    readers: Sequence[str], calls: Mapping[str, Sequence[int | None]], needed: Sequence[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        [calls[patient] for patient in needed],
        index=pd.Index(needed, name="patient"),
        columns=[*readers],
        dtype=int,
    )


def vote(calls: pd.DataFrame) -> np.ndarray:
    """Majority of the readers' calls (patients, readers) -> (patients,); a tie of an even number is 0."""
    return (calls.mean(axis=1) > 0.5).to_numpy(int)


def measure_agreement(calls: pd.DataFrame, *, confidence: float, bootstraps: int) -> tuple[float, Interval]:
    """Fleiss' kappa of the calls (patients, readers), with a percentile interval from resampled patients."""
    from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

    table, _ = aggregate_raters(calls.to_numpy())  # (patients, categories): how many readers chose each
    with np.errstate(invalid="ignore"):  # 0/0: all readers always the same call
        kappa = round(float(fleiss_kappa(table)), 12) + 0.0  # agreement by chance is 0, not -1e-16
        draws = resample_weights(len(table), bootstraps=bootstraps)
        values = [fleiss_kappa(np.repeat(table, times, axis=0)) for times in draws]
    return kappa, percentile_interval(values, confidence=confidence)
