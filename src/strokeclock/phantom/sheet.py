"""What a clinic would hand over about phantom patients; apart from it, what only the phantom knows."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.readers import read_mismatch

SERIES = ("t2w", "dwi", "flair")


def write_cohort(
    path: str | Path, records: Sequence[PatientRecord], *, series: Mapping[str, Sequence[str | Path]]
) -> None:
    """Write the cohort sheet (TSV), nothing of the truth in it.

    `series`: for each of SERIES the patients' files in the order of `records`; written relative to the sheet.
    """
    folder = Path(path).parent
    rows = [
        {
            "patient": record.patient,
            **{name: os.path.relpath(series[name][i], folder) for name in SERIES},
            "b_value": record.epi.b_value,
            "onset_to_mri_min": record.onset_to_mri_min,
            "lesion_side": record.lesion_side,
            "age": record.age,
            "sex": record.sex,
            "nihss": record.nihss,
            "site": record.site,
            "field_t": record.field_t,
        }
        for i, record in enumerate(records)
    ]
    _write_table(path, pd.DataFrame(rows))


def write_readers(
    path: str | Path, records: Sequence[PatientRecord], *, seed: int, contrast_gain: float
) -> None:
    """Write the readers' mismatch calls (TSV: patient, reader1, reader2, reader3; 1 = mismatch present)."""
    rows = []
    for record in records:
        calls = read_mismatch(record, seed=seed, contrast_gain=contrast_gain)
        readers = {f"reader{number}": call for number, call in enumerate(calls, start=1)}
        rows.append({"patient": record.patient} | readers)
    _write_table(path, pd.DataFrame(rows))


def join_truths(path: str | Path, truths: Sequence[str | Path]) -> None:
    """Join the patients' truth.json to one table (TSV): single values only, nested names dotted."""
    table = pd.json_normalize([json.loads(Path(truth).read_text()) for truth in truths])
    lists = [name for name in table if table[name].map(lambda value: isinstance(value, list)).any()]
    first = ["patient", *(name for name in table if name != "patient")]
    _write_table(path, table[first].drop(columns=lists))


def _write_table(path: str | Path, table: pd.DataFrame) -> None:
    beside = Path(path).with_name(f".{Path(path).name}")
    table.to_csv(beside, sep="\t", index=False, lineterminator="\n")
    os.replace(beside, path)
