"""Table 1: characteristics of the patients in training, in test and together, as in the paper.

The three parts, further characteristics and their differences are in tables/case_mix.csv.
"""

from pathlib import Path

import pandas as pd

from strokeclock.cohort.labels import has_lesion, has_onset
from strokeclock.cohort.parts import EXTERNAL, PARTS, read_exclusions
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.files import replacing

GROUPS = {"training": ("train", "validation"), "test": ("test",), "all": ("train", "validation", "test")}

_NO_PATIENTS = "no patients"


def describe_cohort(cohort: pd.DataFrame, split: pd.DataFrame, *, excluded: int) -> pd.DataFrame:
    """Return the paper's Table 1: one row a characteristic, one column a group, cells as text.

    The training group is the training and validation parts together, as in the paper. Quartiles interpolate
    linearly. Missing values are left out, and the cell holds their number. Without values it is "unknown".
    The rows describe the patients of known onset, from whom time is read. Where others are in the training
    part, or in an external cohort, rows more count them.

    Parameters
    ----------
    cohort : DataFrame
        As of `read_cohort`.
    split : DataFrame
        Columns patient, part.
    excluded : int
        Number of patients excluded, at entry or later.
    """
    patients = _join_parts(cohort, split)
    known = patients[has_onset(patients)]
    table = pd.DataFrame(
        {name: _describe(known[known["part"].isin(parts)]) for name, parts in GROUPS.items()}
    )
    others = patients[~has_onset(patients)]
    for title, rows in (
        ("Onset unknown, n", others[has_lesion(others)]),
        ("No acute lesion, n", others[~has_lesion(others)]),
    ):
        if rows["part"].isin(GROUPS["all"]).any():
            table.loc[title] = {name: str(rows["part"].isin(parts).sum()) for name, parts in GROUPS.items()}
    if far := int((patients["part"] == EXTERNAL).sum()):
        table.loc["External cohort, n"] = {"training": "", "test": "", "all": str(far)}
    table.loc["Excluded, n"] = {"training": "", "test": "", "all": str(excluded)}
    return table.rename_axis("characteristic").reset_index()


def write_table1(cohort: str | Path, split: str | Path, table: str | Path, *, exclusions: str | Path) -> None:
    """Write `describe_cohort` of cohort.tsv, split.tsv and exclusions.tsv as CSV."""
    excluded = len(read_exclusions(exclusions))
    rows = describe_cohort(read_cohort(cohort), read_split_table(split), excluded=excluded)
    with replacing(table) as beside:
        rows.to_csv(beside, index=False, lineterminator="\n")


def read_divided(cohort: str | Path, split: str | Path) -> pd.DataFrame:
    """Read the patients of known onset in the training, validation and test parts, whom Table 1 describes.

    Returns
    -------
    The columns of `read_cohort` and part, indexed by patient.
    """
    patients = _join_parts(read_cohort(cohort), read_split_table(split))
    return patients[has_onset(patients) & patients["part"].isin(PARTS)].set_index("patient")


def _join_parts(cohort: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    return cohort.merge(split, on="patient", how="left", validate="one_to_one")


def _describe(group: pd.DataFrame) -> dict[str, str]:
    return {
        "Patients, n": str(len(group)),
        "Age, years: median (IQR)": _describe_numbers(group["age"]),
        "Female sex: n (%)": _describe_women(group["sex"]),
        "NIHSS: median (IQR)": _describe_numbers(group["nihss"]),
        "Onset to MRI, min: median (IQR)": _describe_numbers(group["onset_to_mri_min"]),
    }


def _describe_numbers(values: pd.Series) -> str:
    if not (known := values.count()):
        return _NO_PATIENTS if values.empty else "unknown"
    low, middle, high = (
        f"{value:.2f}".rstrip("0").rstrip(".") for value in values.quantile([0.25, 0.5, 0.75])
    )
    spread = "one patient" if known == 1 else f"{low}-{high}"
    return f"{middle} ({spread})" + _count_missing(values)


def _describe_women(sex: pd.Series) -> str:
    if not (known := sex.count()):
        return _NO_PATIENTS if sex.empty else "unknown"
    women = int((sex == "F").sum())
    return f"{women} ({100 * women / known:.0f}%)" + _count_missing(sex)


def _count_missing(values: pd.Series) -> str:
    missing = int(values.isna().sum())
    return f"; {missing} missing" if missing else ""
