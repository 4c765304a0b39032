"""The protocols: how each series of each patient was acquired."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path

from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.cohort.nifti_header import read_header
from strokeclock.cohort.sidecars import Sidecar, beside, list_faults, read_b_values, read_sidecar

log = logging.getLogger(__name__)

MISSING = "n/a"
COLUMNS = (
    "patient",
    "series",
    "vendor",
    "field_t",
    "tr_ms",
    "te_ms",
    "ti_ms",
    "b_value",
    "voxel_x_mm",
    "voxel_y_mm",
    "voxel_z_mm",
    "slices",
)


def write_protocol(
    cohort: str | Path,
    table: str | Path,
    *,
    series: Mapping[str, Mapping[str, str]],
    b_values: Mapping[str, float],
) -> None:
    """Write `describe_series` of all series as TSV: a row a patient and series; missing values are n/a.

    What a sidecar gives and cannot be is logged as a warning with patient, series and remedy, without the
    names of file and folder, which may tell an identity. It is left out of the table; it excludes no patient.

    Parameters
    ----------
    cohort : cohort/cohort.tsv, or a cohort sheet.
    series : patient -> series -> its NIfTI file.
    b_values : patient -> b-value of the DWI with which the pipeline computes, s/mm2.
    """
    sheet = {
        patient: {"field_t": field_t, "b_value": b_value}
        for patient, field_t, b_value in read_columns(cohort, "patient", "field_t", "b_value")
    }
    rows: list[dict[str, str | None]] = []
    in_ms = []
    for patient, images in sorted(series.items()):
        given = {column: _read_number(sheet[patient].get(column)) for column in ("field_t", "b_value")}
        for name, image in images.items():
            sidecar = read_sidecar(beside(image, ".json"))
            notes = {"sidecar": sidecar}
            if name in ("t2w", "dwi") and not sidecar.b_value:
                notes[".bval file"] = _read_bval(name, image)
            for source, note in notes.items():
                for fault in list_faults(
                    name,
                    note,
                    field_t=given["field_t"],
                    sheet_b_value=given["b_value"],
                    used_b_value=b_values[patient],
                ):
                    log.warning("patient %s: the %s of %s %s.", patient, source, name, fault)
                sidecar = replace(sidecar, b_value=note.b_value)
            in_ms += [(name, patient)] if sidecar.in_ms else []
            row: dict[str, str | None] = {"patient": patient, "series": name}
            rows.append(row | describe_series(name, sidecar, image, **given))
    if in_ms:
        log.warning(
            "sidecars that give times in ms, where BIDS has s: %d, the first that of %s of patient %s. They "
            "are read as ms, because no time in s is so long.",
            len(in_ms),
            *in_ms[0],
        )
    write_cells(
        table, COLUMNS, ([MISSING if row[name] is None else row[name] for name in COLUMNS] for row in rows)
    )


def _read_bval(series: str, image: str | Path) -> Sidecar:
    """Return what the .bval file beside an image says: the least value for a T2w, the largest for a DWI."""
    values, faults = read_b_values(beside(image, ".bval"))
    b_value = (min if series == "t2w" else max)(values, default=None)
    return Sidecar(b_value=b_value, faults=faults)


def describe_series(
    series: str, sidecar: Sidecar, image: str | Path, *, field_t: float | None, b_value: float | None
) -> dict[str, str | None]:
    """Return one row of the table without its patient: `COLUMNS` from vendor on; None where not known.

    The sidecar precedes the cohort sheet's `field_t`, T. The sheet's `b_value`, s/mm2, of the DWI precedes
    the sidecar's, since it is computed with. Voxel and slices are the image's, along its stored axes; slices
    lie along the axis with the longest side.
    """
    b_values: dict[str, float | None] = {
        "t2w": sidecar.b_value or 0.0,
        "dwi": b_value or sidecar.b_value or None,
    }
    voxel, slices = _measure(sidecar, image)
    return {
        "vendor": sidecar.vendor,
        "field_t": _round(sidecar.field_t or field_t, 2),
        "tr_ms": _round(sidecar.tr_ms, 1),
        "te_ms": _round(sidecar.te_ms, 1),
        "ti_ms": _round(sidecar.ti_ms, 1),
        "b_value": _round(b_values.get(series), 1),
        **{f"voxel_{axis}_mm": _round(side, 3) for axis, side in zip("xyz", voxel, strict=True)},
        "slices": _round(slices, 0),
    }


def _measure(sidecar: Sidecar, image: str | Path) -> tuple[tuple[float | None, ...], int | None]:
    """Return the voxel's sides in mm and the number of slices; None where the image cannot be read."""
    if sidecar.voxel_mm:
        return sidecar.voxel_mm, sidecar.slices
    try:
        header = read_header(image)
    except OSError:
        header = None
    if header is None or len(header.shape) < 3:
        return (None, None, None), None  # preprocessing excludes the patient with the reason
    x, y, z = header.voxel_mm
    if not (all(map(isfinite, header.voxel_mm)) and min(header.voxel_mm) > 0):
        return (None, None, None), None
    axis = max((2, 1, 0), key=lambda axis: header.voxel_mm[axis])  # the last of equal ones
    return (x, y, z), header.shape[axis]


def _read_number(cell: str | None) -> float | None:
    return float(cell) if cell and cell != MISSING else None


def _round(value: float | None, digits: int) -> str | None:
    """As text, so that a column with missing values keeps whole numbers whole."""
    return None if value is None else f"{round(value, digits):g}"
