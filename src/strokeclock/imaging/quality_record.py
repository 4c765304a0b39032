"""Results of the quality checks: one record a patient, and two tables."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from strokeclock.batches import read_batches
from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.cohort.sheet import EXCLUSIONS
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.findings import NAME, Findings, find_shared_scans, read_findings
from strokeclock.imaging.plausibility import NUMBERS as PHYSICS
from strokeclock.series import SERIES

NUMBERS = (
    "mask_volume_ml",
    "dice_to_atlas",
    "nmi_to_atlas",
    *(f"{name}_coverage" for name, series in SERIES.items() if series.min_coverage is not None),
    *(
        f"{name}_{what}"
        for name, series in SERIES.items()
        if series.min_fit is not None
        for what in ("fit", "place")
    ),
    *PHYSICS,
    "coverage_difference",
    "asymmetry",
    "midplane_tilt_deg",
    "midplane_offset_mm",
    "infarct_left_ml",
    "infarct_right_ml",
    "side_seen",
    "side_recorded",
)


VERDICT = ("patient", "verdict", "reason", "judged_by")  # the first columns of quality.tsv


def make_record(
    patient: str, *, numbers: Mapping | None, automatic: tuple[str, str], person: tuple[str, str] | None
) -> dict:
    """One patient's record. A manual (verdict, reason) overrides, except where there are no volumes."""
    judged_by = "person" if person and numbers else "checks"
    verdict, reason = person if person and numbers else automatic
    return {
        "patient": patient,
        "verdict": verdict,
        "reason": reason,
        "stage": ("quality" if numbers else "preprocessing") if verdict == "fail" else "",
        "judged_by": judged_by,
        "numbers": numbers,
    }


def write_record(path: str | Path, record: Mapping) -> None:
    """Write one patient's record (see `make_record`), or a part of it, as JSON, whole or not at all."""
    write_whole(path, json.dumps(record, indent=1) + "\n")


def read_record(path: str | Path) -> dict:
    """Read what `write_record` wrote."""
    return json.loads(Path(path).read_bytes())


def read_records(tables: Iterable[str | Path]) -> list[dict]:
    """Read the records that tables of batches hold, in the order of the patients."""
    return [read_record(files["record"]) for files in read_batches(tables).values()]


def write_tables(
    checks: Iterable[str | Path],
    *,
    preprocessed: Iterable[str | Path],
    entry_exclusions: str | Path,
    quality: str | Path,
    exclusions: str | Path,
) -> None:
    """Write quality.tsv (a row a patient) and exclusions.tsv (patient, stage, reason), entry's first.

    Patients who share a scan with another patient fail, whatever their check or a person says: one of them at
    least has another patient's scan.

    Parameters
    ----------
    checks, preprocessed : paths
        Tables of the batches' files (`batches`): record; findings, where patients were preprocessed.
    entry_exclusions : path
        cohort/entry_exclusions.tsv.
    """
    shared = find_shared_scans(read_all_findings(preprocessed))
    records = [_fail(record, shared.get(record["patient"])) for record in read_records(checks)]
    rows = []
    for record in records:
        values = ((record["numbers"] or {}).get(name) for name in NUMBERS)
        rows.append([record[key] for key in VERDICT] + ["" if value is None else value for value in values])
    write_cells(quality, [*VERDICT, *NUMBERS], rows)
    left = read_columns(entry_exclusions, *EXCLUSIONS)
    left += [
        (record["patient"], record["stage"], record["reason"])
        for record in records
        if record["verdict"] == "fail"
    ]
    write_cells(exclusions, EXCLUSIONS, left)


def read_verdict(quality: str | Path, *, patient: str) -> dict[str, str]:
    """Read what quality.tsv says of one patient: patient, verdict, reason, judged_by.

    It is final; the record does not know of other patients.
    """
    for cells in read_columns(quality, *VERDICT):
        row = dict(zip(VERDICT, cells, strict=True))
        if row["patient"] == patient:
            return row
    raise StrokeclockError(f"{quality} lacks patient {patient}: delete it and run again")


def read_all_findings(tables: Iterable[str | Path]) -> dict[str, Findings]:
    """The findings of the patients who were preprocessed and not excluded there."""
    files = {patient: named.get(NAME) for patient, named in read_batches(tables).items()}
    return {
        patient: read_findings(path)
        for patient, path in files.items()
        if path and read_exclusion(path) is None
    }


def _fail(record: Mapping, reason: str | None) -> dict:
    """The record, as a fail if there is a reason."""
    if not reason:
        return dict(record)
    return {**record, "verdict": "fail", "reason": reason, "stage": "quality", "judged_by": "checks"}
