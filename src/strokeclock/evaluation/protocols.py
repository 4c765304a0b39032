"""How the patients were scanned: medians and ranges of cohort/protocol.tsv for each series and scanner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import EXTERNAL, PARTS
from strokeclock.cohort.protocol import MISSING
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.evaluation.tables import rate_columns, write_table
from strokeclock.series import SERIES

GROUP = ("site", "vendor", "field_strength")  # a scanner, as far as it is known
ALL, NOT_GIVEN, NO_PART = "all", "not given", "no_part"
COUNTS = (*PARTS, EXTERNAL, NO_PART)
NUMBERS = ("tr_ms", "te_ms", "ti_ms", "b_value", "slices")
IN_PLANE, SLICE = "in_plane_mm", "slice_mm"  # mean of the two shorter sides of a voxel, and the longest
MEASURED = {  # -> what it is
    "tr_ms": "TR",
    "te_ms": "TE",
    "ti_ms": "TI",
    "b_value": "b-value",
    "slices": "number of slices",
    IN_PLANE: "voxel in plane",
    SLICE: "slice distance",
}
COLUMNS = (*("series", *GROUP), *COUNTS, *rate_columns(*MEASURED), "missing")
# What only some series have: an inversion, or a b-value that is not the b0's of all others.
OF_SERIES = {"ti_ms": ("flair",), "b_value": ("t2w", "dwi")}
_SIDES = ["voxel_x_mm", "voxel_y_mm", "voxel_z_mm"]


def write_protocol_table(
    protocol: str | Path, table: str | Path, *, cohort: str | Path, split: str | Path
) -> None:
    """Write the protocols of all patients who entered, a row a series and scanner; first all scanners.

    Parameters
    ----------
    protocol : path
        cohort/protocol.tsv.
    table : path
        tables/protocol.csv (`COLUMNS`): numbers of patients of each part, and of those in none; the median of
        each number with its lowest and highest value as ``…_low`` and ``…_high``; and in ``missing`` how many
        patients lack a number that such a series has. Patients of one site, vendor and field strength
        count as patients of one scanner.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    """
    scans = read_protocols(protocol, cohort=cohort, split=split)
    rows = [row for series in SERIES for row in _rows(series, scans[scans["series"] == series])]
    write_table(table, rows, columns=COLUMNS)


def read_protocols(protocol: str | Path, *, cohort: str | Path, split: str | Path) -> pd.DataFrame:
    """Read protocol.tsv with site and part.

    Returns
    -------
    A row a patient and series: patient, series, vendor, field_strength ("3 T"), site, part (`NO_PART` where
    there is none), and the numbers `MEASURED`, NaN where missing.
    """
    scans = pd.read_csv(protocol, sep="\t", dtype=str, keep_default_na=False).replace(MISSING, None)
    numbers = scans[[*NUMBERS, *_SIDES]].apply(pd.to_numeric)
    sides = np.sort(numbers[_SIDES].to_numpy(float), axis=1)  # slices are stored along any axis
    sites = read_cohort(cohort).set_index("patient")["site"]
    parts = read_split_table(split).set_index("patient")["part"]
    return scans[["patient", "series", "vendor"]].assign(
        field_strength=scans["field_t"].dropna() + " T",
        site=scans["patient"].map(sites),
        part=scans["patient"].map(parts).fillna(NO_PART),
        **{name: numbers[name] for name in NUMBERS},
        **{IN_PLANE: sides[:, :2].mean(axis=1), SLICE: sides[:, 2]},
    )


def is_expected(name: str, series: str) -> bool:
    """Whether a series has this of `MEASURED`: a TI belongs to FLAIR, a b-value to b0 and DWI."""
    return series in OF_SERIES.get(name, (series,))


def _rows(series: str, scans: pd.DataFrame) -> Iterator[dict[str, Any]]:
    named = scans.assign(**{column: scans[column].fillna(NOT_GIVEN) for column in GROUP})
    groups = [(dict(zip(GROUP, map(str, key), strict=True)), own) for key, own in named.groupby([*GROUP])]
    if len(groups) > 1:
        yield _row(series, dict.fromkeys(GROUP, ALL), named)
    for group, own in groups:
        yield _row(series, group, own)


def _row(series: str, group: dict[str, str], scans: pd.DataFrame) -> dict[str, Any]:
    counts = scans["part"].value_counts()
    cells: dict[str, Any] = {"series": SERIES[series].label, **group}
    cells |= {part: int(counts.get(part, 0)) for part in COUNTS}
    missing = []
    for name in MEASURED:
        values = scans[name].dropna()
        if len(values):
            cells |= {name: values.median(), f"{name}_low": values.min(), f"{name}_high": values.max()}
        if (lacking := len(scans) - len(values)) and is_expected(name, series):
            missing.append(f"{MEASURED[name]}: {lacking}")
    return cells | {"missing": ", ".join(missing)}
