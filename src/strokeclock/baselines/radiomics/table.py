"""The table of the patients' features, from measurement to the classifier."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import write_cells


class Measured(NamedTuple):
    """One patient.

    Attributes
    ----------
    infarct_ml : volume in the patient's own brain; None where the patient is excluded.
    reason : why the region cannot be used; "" where it can.
    features : by name; empty where it cannot be used.
    """

    patient: str
    infarct_ml: float | None
    reason: str
    features: Mapping[str, float]


def write_features(measured: Iterable[Measured], output: str | Path) -> None:
    """Write patients' features as TSV: patient, infarct_ml, reason, a column per feature; NaN is blank."""
    measured = list(measured)
    names = list(dict.fromkeys(name for patient in measured for name in patient.features))
    rows = []
    for patient, infarct_ml, reason, features in measured:
        values = (features.get(name, np.nan) for name in names)
        rows.append(
            [
                patient,
                "" if infarct_ml is None else f"{infarct_ml:.3f}",
                reason,
                *("" if np.isnan(value) else f"{value:.9g}" for value in values),
            ]
        )
    write_cells(output, ["patient", "infarct_ml", "reason", *names], rows)


def read_features(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read the files of `write_features` into one table by patient; a usable region's reason is ""."""
    texts = {"patient": str, "reason": str}
    tables = [
        pd.read_csv(path, sep="\t", dtype=texts, na_values=[""], keep_default_na=False) for path in paths
    ]
    table = pd.concat(tables, ignore_index=True).set_index("patient")
    return table.assign(reason=table["reason"].fillna(""))
