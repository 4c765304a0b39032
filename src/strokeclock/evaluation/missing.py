"""What is not known of the patients, and what the software does about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from strokeclock.cohort.onset import CLASS, KIND, MINUTES
from strokeclock.cohort.parts import EXTERNAL, PARTS
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.evaluation.case_mix import NUMBERS, VOLUME
from strokeclock.evaluation.protocols import MEASURED, is_expected, read_protocols
from strokeclock.evaluation.tables import write_table
from strokeclock.segmentation.lesion import read_volumes
from strokeclock.series import SERIES

SHEET, LESION, PROTOCOL = "cohort sheet", "lesion", "protocol of {}"
COLUMNS = (
    *("variable", "source"),
    *(f"{part}_{what}" for part in (*PARTS, EXTERNAL) for what in ("n", "missing", "share")),
    "handling",
)
_STRATUM = "a group of its own, or pooled with other small ones, when the patients are divided into parts"
_GROUPS = "tables of groups count the patients as not given"
TITLES = {
    MINUTES: "minutes from onset to MRI",
    CLASS: "time or class of the onset",
    KIND: "how the onset is known",
    "lesion_side": "side of the lesion",
    "b_value": "b-value",
    "nihss": "NIHSS",
    "field_t": "field strength",
    "field_strength": "field strength",
    **MEASURED,
}
# Column of cohort.tsv that may be empty -> what is done where it is.
OF_SHEET = {
    MINUTES: "where the class of the onset is known, the patient takes part in the task of 4.5 h and where "
    "no time is learned, and in no other time task",
    CLASS: "where both are missing, the patient is excluded (cohort.require_onset) or takes part where no "
    "time is learned (training.unknown_onset): phases 0 and 1 and the segmentation",
    KIND: "described only",
    "lesion_side": "found from the lesion mask; without one, the patient is in no part",
    "b_value": "1000 s/mm² (the paper's) is computed with",
    "age": f"the clinical baseline takes the training part's median; {_GROUPS}; no network reads it",
    "sex": f"{_GROUPS}; no network and no baseline reads it",
    "nihss": "the clinical baseline takes the training part's median; no network reads it",
    "site": f"{_STRATUM}; no network and no baseline reads it",
    "field_t": f"{_STRATUM}; tables/case_mix.csv takes the protocol's; {_GROUPS}; no network and no baseline "
    "reads it",
}
OF_LESION = (
    "no lesion was drawn or found on DWI: the clinical baseline takes the training part's median, and ratios "
    "that find none take its mean; segmentation and occlusion leave the patient out, Grad-CAM on lesions "
    f"everyone without a mask; {_GROUPS}"
)
OF_PROTOCOL = "no network and no baseline reads it; a bundle compares new scans with the known values"


def write_missing(
    cohort: str | Path,
    split: str | Path,
    table: str | Path,
    *,
    volumes: str | Path,
    protocol: str | Path,
) -> None:
    """Write a row a variable: of how many patients of each part it is missing, and what follows.

    Parameters
    ----------
    cohort, split : paths
        cohort/cohort.tsv and split.tsv. All patients of a part count, of unknown onset, too.
    table : path
        tables/missing.csv (`COLUMNS`): ``…_n`` patients, ``…_missing`` of them without the variable, and
        their ``…_share``; empty where a part has no patients.
    volumes : path
        lesions/volumes.tsv.
    protocol : path
        cohort/protocol.tsv.
    """
    parts = read_split_table(split).set_index("patient")["part"]
    patients = read_cohort(cohort).set_index("patient").reindex(parts.index)
    patients[CLASS] = patients[CLASS].astype(object).fillna(patients[MINUTES])
    sizes = {patient: size.volume_ml for patient, size in read_volumes(volumes).items()}
    scans = read_protocols(protocol, cohort=cohort, split=split)
    rows = [
        *(
            {
                "variable": TITLES.get(name, name),
                "source": SHEET,
                **_count(patients[name], parts),
                "handling": handling,
            }
            for name, handling in OF_SHEET.items()
        ),
        {
            "variable": NUMBERS[VOLUME],
            "source": LESION,
            **_count(pd.Series(sizes, dtype=float).reindex(parts.index), parts),
            "handling": OF_LESION,
        },
        *_list_protocol(scans, parts),
    ]
    write_table(table, rows, columns=COLUMNS)


def _list_protocol(scans: pd.DataFrame, parts: pd.Series) -> Iterator[dict[str, Any]]:
    for series, label in ((name, one.label) for name, one in SERIES.items()):
        own = scans[scans["series"] == series].set_index("patient").reindex(parts.index)
        if own["series"].isna().all():
            continue
        for name in ("vendor", "field_strength", *MEASURED):
            if is_expected(name, series):
                yield {
                    "variable": TITLES.get(name, name),
                    "source": PROTOCOL.format(label),
                    **_count(own[name], parts),
                    "handling": OF_PROTOCOL,
                }


def _count(values: pd.Series, parts: pd.Series) -> dict[str, float]:
    cells: dict[str, float] = {}
    for part in (*PARTS, EXTERNAL):
        own = values[parts == part]
        if len(own):
            missing = int(own.isna().sum())
            cells |= {f"{part}_n": len(own), f"{part}_missing": missing, f"{part}_share": missing / len(own)}
    return cells
