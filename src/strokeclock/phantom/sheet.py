"""Sheets of phantom patients as a clinic would give them, and the table of their truths."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from strokeclock.batches import read_batches
from strokeclock.files import write_whole
from strokeclock.phantom.clinic import PatientRecord, cohort_seed
from strokeclock.phantom.readers import read_mismatch
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.sites import MANUFACTURERS, SCANNERS


def write_record(
    path: str | Path, record: PatientRecord, *, series: Mapping[str, str | Path], settings: Mapping[str, Any]
) -> None:
    """Write the patient's row of the cohort sheet and the readers' calls as JSON, without the truth.

    `series`: file of each of SERIES. `settings`: the configuration's `phantom` section.
    """
    calls = read_mismatch(
        record,
        seed=cohort_seed(settings),
        contrast_gain=settings["contrast_gain"],
        time_sigma=settings["lesion_time_sigma"],
    )
    row = {
        "patient": record.patient,
        **{name: str(series[name]) for name in SERIES},
        "b_value": record.epi.b_value,
        "onset_to_mri_min": record.onset_to_mri_min,
        "lesion_side": record.lesion_side,
        "age": record.age,
        "sex": record.sex,
        "nihss": record.nihss,
        "site": record.site,
        "field_t": record.field_t,
    }
    readers = {f"reader{number}": call for number, call in enumerate(calls, start=1)}
    write_whole(path, json.dumps({"sheet": row, "readers": readers}, indent=1) + "\n")


def write_sidecars(paths: Mapping[str, str | Path], record: PatientRecord, *, is_scan: bool) -> None:
    """Write the BIDS sidecar of each of SERIES (`paths`), times in s.

    `is_scan`: the images are scans; else they are on the atlas grid, and the sidecar holds the scan's voxel
    and number of slices.
    """
    for series, path in paths.items():
        stack = record.flair if series == "flair" else record.epi
        content = {
            "Manufacturer": MANUFACTURERS[record.vendor],
            "ManufacturersModelName": SCANNERS[record.site].model,
            "MagneticFieldStrength": record.field_t,
            "RepetitionTime": round(stack.tr_ms / 1000, 6),
            "EchoTime": round(stack.te_ms / 1000, 6),
        }
        if series == "flair":
            content["InversionTime"] = round(record.flair.ti_ms / 1000, 6)
        else:
            content["DiffusionBValue"] = record.epi.b_value if series == "dwi" else 0.0
        if not is_scan:
            x, y, z = stack.voxel_mm
            content |= {"PixelSpacing": [y, x], "SpacingBetweenSlices": z, "NumberOfSlices": stack.slices}
        write_whole(path, json.dumps(content, indent=1) + "\n")


def write_truth(path: str | Path, record: PatientRecord, **measured: Any) -> None:
    """Write the record and what was `measured` on the images as JSON."""
    truth = asdict(record) | {
        "tissue_hours": record.tissue_hours,
        "lesion_volume_ml": record.lesion_volume_ml,
    }
    write_whole(path, json.dumps(truth | measured, indent=1) + "\n")


def join_phantoms(
    phantoms: Iterable[str | Path], *, cohort: str | Path, readers: str | Path, truth: str | Path
) -> None:
    """Join the patients' records and truths to the cohort sheet, the reader sheet and the table of truths.

    Parameters
    ----------
    phantoms : paths
        Tables of the batches' files (`batches`): record, truth.
    """
    files = read_batches(phantoms).values()
    join_records([named["record"] for named in files], cohort=cohort, readers=readers)
    join_truths([named["truth"] for named in files], table=truth)


def join_records(records: Iterable[str | Path], *, cohort: str | Path, readers: str | Path) -> None:
    """Join records to the cohort sheet, with series relative to its folder, and to the reader sheet."""
    patients = [json.loads(Path(path).read_text()) for path in records]
    rows = [patient["sheet"] for patient in patients]
    for row in rows:
        row.update({name: os.path.relpath(row[name], Path(cohort).parent) for name in SERIES})
    _write_table(cohort, pd.DataFrame(rows))
    _write_table(
        readers, pd.DataFrame([{"patient": p["sheet"]["patient"], **p["readers"]} for p in patients])
    )


def join_truths(truths: Iterable[str | Path], *, table: str | Path) -> None:
    """Join the patients' truths to one table (TSV): single values only, nested names dotted."""
    joined = pd.json_normalize([json.loads(Path(path).read_text()) for path in truths])
    lists = [name for name in joined if joined[name].map(lambda value: isinstance(value, list)).any()]
    _write_table(table, joined.drop(columns=lists))


def _write_table(path: str | Path, table: pd.DataFrame) -> None:
    write_whole(path, table.to_csv(sep="\t", index=False))
