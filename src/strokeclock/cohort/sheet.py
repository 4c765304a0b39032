"""The cohort sheet: one row a patient, read and checked before the first job."""

import csv
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import ConfigurationError
from strokeclock.files import replacing
from strokeclock.series import BOTH, REQUIRED, SERIES, SIDES, Series

LESION_MASK = "lesion_mask"
FILES = (*SERIES, LESION_MASK)
COLUMNS = (
    "patient",
    *FILES,
    "b_value",
    "onset_to_mri_min",
    "lesion_side",
    "age",
    "sex",
    "nihss",
    "site",
    "field_t",
)
LESION_SIDES = (*SIDES, BOTH)

_MISSING = {"", "n/a", "na", "nan", "none"}
_PATIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LIMITS = {  # value must lie in [low, high]
    "b_value": (500, 3000),
    "onset_to_mri_min": (0, 60 * 24 * 365),
    "age": (0, 125),
    "nihss": (0, 42),
    "field_t": (0.05, 12),
}


@dataclass(frozen=True)
class Cohort:
    """The patients who take part, and the excluded ones.

    Attributes
    ----------
    rows : tuple of dict
        One a patient, in alphabetical order, with every key of `COLUMNS`; values are text, "" where missing;
        series and mask are absolute paths.
    exclusions : dict
        patient -> one sentence with the reason and the remedy.
    """

    rows: tuple[dict[str, str], ...]
    exclusions: dict[str, str]

    @property
    def patients(self) -> list[str]:
        return [row["patient"] for row in self.rows]

    @property
    def labelled(self) -> list[str]:
        """The patients whose onset time and lesion side are known."""
        return [row["patient"] for row in self.rows if row["onset_to_mri_min"] and row["lesion_side"]]

    @property
    def unlabelled(self) -> list[str]:
        """The patients without onset time or lesion side."""
        return sorted(set(self.patients) - set(self.labelled))


def read_sheet(
    path: str | Path,
    *,
    needed: Collection[str] = REQUIRED,
    require_onset: bool = True,
    exclude: Mapping[str, str] | None = None,
) -> Cohort:
    """Read and check a cohort sheet (tab-separated, with a header; config/README.md).

    Faults of the sheet's form stop the run; faults of one patient's row exclude that patient alone.

    Parameters
    ----------
    path : path
        The sheet. Paths in it are absolute or relative to its folder. Missing values: empty or n/a.
    needed : collection of str
        The series that every patient needs (`series.list_needed`).
    require_onset : bool
        Exclude patients without onset_to_mri_min (minutes) or lesion_side.
    exclude : mapping
        patient -> reason: a person's exclusions (configuration key cohort.exclude).

    Raises
    ------
    ConfigurationError
        Not a text file, missing, unknown or repeated column, no rows, repeated patient, an identifier unfit
        for a file name, or an excluded patient who is not in the sheet.
    """
    header, table = read_cells(path)
    _check_header(header, path, needed=needed)
    if not table:
        raise ConfigurationError(f"{path} has a header and no patient: add one row a patient.")

    rows = []
    for _, line in table:
        given = dict(zip(header, map(_clean, line), strict=True))
        rows.append(_with_paths({column: given.get(column, "") for column in COLUMNS}, Path(path).parent))
    _check_identifiers(rows, numbers=[number for number, _ in table], path=path)

    exclude = {str(patient): reason for patient, reason in (exclude or {}).items()}
    if unknown := sorted(set(exclude) - {row["patient"] for row in rows}):
        raise ConfigurationError(
            f"Configuration key cohort.exclude names {', '.join(unknown)}, not in {path}: "
            "correct or remove them."
        )
    rows.sort(key=lambda row: row["patient"])  # results do not depend on the sheet's order
    reasons = {
        row["patient"]: exclude.get(row["patient"]) or _fault(row, needed=needed, require_onset=require_onset)
        for row in rows
    }
    return Cohort(
        rows=tuple(row for row in rows if not reasons[row["patient"]]),
        exclusions={patient: reason for patient, reason in reasons.items() if reason},
    )


def check_sheet(
    sheet: str | Path,
    *,
    table: str | Path,
    exclusions: str | Path,
    needed: Collection[str],
    require_onset: bool,
    exclude: Mapping[str, str] | None,
) -> None:
    """Read a cohort sheet (`read_sheet`) and write its patients and exclusions (`write_cohort`)."""
    cohort = read_sheet(sheet, needed=needed, require_onset=require_onset, exclude=exclude)
    write_cohort(cohort, table=table, exclusions=exclusions)


def write_cohort(cohort: Cohort, *, table: str | Path, exclusions: str | Path) -> None:
    """Write the checked sheet and the entry exclusions (patient, stage, reason) as TSV.

    The sheet is written without its masks, so that a mask drawn after a training does not make it stale.
    """
    columns = [column for column in COLUMNS if column != LESION_MASK]
    _write_tsv(table, columns, ([row[column] for column in columns] for row in cohort.rows))
    _write_tsv(
        exclusions,
        ("patient", "stage", "reason"),
        ((patient, "entry", reason) for patient, reason in cohort.exclusions.items()),
    )


def read_sides(path: str | Path) -> dict[str, str]:
    """Read the patients' lesion sides from cohort.tsv: left, right, both, or "" where it is not known."""
    with open(path, newline="") as file:
        return {row["patient"]: row["lesion_side"] for row in csv.DictReader(file, delimiter="\t")}


def _write_tsv(path: str | Path, header: Iterable[str], lines: Iterable[Iterable[str]]) -> None:
    with replacing(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


def _clean(cell: str) -> str:
    cell = cell.strip()
    return "" if cell.lower() in _MISSING else cell


def _with_paths(row: dict[str, str], folder: Path) -> dict[str, str]:
    return row | {name: str((folder / row[name]).resolve()) for name in FILES if row[name]}


def _check_header(header: list[str], path: str | Path, *, needed: Collection[str]) -> None:
    repeated = sorted({column for column in header if header.count(column) > 1})
    unknown = sorted(set(header) - set(COLUMNS))
    missing = [column for column in ("patient", "onset_to_mri_min", "lesion_side") if column not in header]
    for name in needed:
        if name not in header and not ((instead := SERIES[name].instead) and instead in header):
            missing.append(f"{name} (or {instead}, from which it can be derived)" if instead else name)
    if missing:
        raise ConfigurationError(
            f"{path} lacks the column {', '.join(missing)}: add it (tab-separated; config/README.md)."
        )
    if repeated:
        raise ConfigurationError(f"{path} has the column {', '.join(repeated)} twice: keep one.")
    if unknown:
        raise ConfigurationError(
            f"{path} has the unknown column {', '.join(unknown)}: rename or remove it; "
            f"known are {', '.join(COLUMNS)}."
        )


def _check_identifiers(rows: list[dict[str, str]], *, numbers: list[int], path: str | Path) -> None:
    first_seen: dict[str, int] = {}
    for number, row in zip(numbers, rows, strict=True):
        patient = row["patient"]
        if not _PATIENT_ID.fullmatch(patient):
            raise ConfigurationError(
                f"{path} line {number}: patient {patient!r} cannot name a file: "
                "use letters, digits, '.', '_' and '-' only, a letter or digit first."
            )
        if patient in first_seen:
            raise ConfigurationError(
                f"{path} line {number}: patient {patient} stands already in line {first_seen[patient]}: "
                "keep one row a patient."
            )
        first_seen[patient] = number


def _fault(row: Mapping[str, str], *, needed: Collection[str], require_onset: bool) -> str | None:
    """Return one sentence with the reason why this row cannot be used, or None."""
    for name in needed:
        if reason := _lack(row, SERIES[name]):
            return reason
    for name in FILES:
        if row[name] and not os.path.isfile(row[name]):
            return f"column {name} names {row[name]}, which is not there: correct the path"
    for column, (low, high) in LIMITS.items():
        if row[column]:
            try:
                inside = low <= float(row[column]) <= high
            except ValueError:
                return f"column {column} is {row[column]!r}, not a number: correct it or leave it empty"
            if not inside:
                return (
                    f"column {column} is {row[column]}, outside {low} to {high}: correct it or leave it empty"
                )
    if row["lesion_side"] and row["lesion_side"] not in LESION_SIDES:
        return f"column lesion_side is {row['lesion_side']!r}: use left, right or both"
    if row["sex"] and row["sex"] not in ("F", "M"):
        return f"column sex is {row['sex']!r}: use F or M, or leave it empty"
    if require_onset:
        for column in ("onset_to_mri_min", "lesion_side"):
            if not row[column]:
                return f"column {column} is empty: fill it, or set cohort.require_onset: false"
    return None


def _lack(row: Mapping[str, str], series: Series) -> str | None:
    """Return one sentence if a patient has neither the series nor one to derive it from, else None."""
    if row[series.name] or (series.instead and row[series.instead]):
        return None
    if series.instead:
        return (
            f"no {series.title} series and no {SERIES[series.instead].label} to derive it from: "
            f"name a file in column {series.name} or {series.instead}"
        )
    remedy = "" if series.required else ", or take it out of models.channels"
    return f"no {series.label} series: name its file in column {series.name}{remedy}"
