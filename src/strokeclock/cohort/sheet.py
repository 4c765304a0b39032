"""The cohort sheet: one row a patient, read and checked before the first job."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from strokeclock.cohort import onset
from strokeclock.cohort.cells import read_cells, read_columns, write_cells
from strokeclock.cohort.numbers import find_fault, strip_cap
from strokeclock.errors import ConfigurationError
from strokeclock.series import BOTH, CHANNELS, NO_LESION, SERIES, SIDES, Series, list_needed

LESION_MASK = "lesion_mask"
FILES = (*SERIES, LESION_MASK)
_NUMBERS = ("b_value", "age", "nihss", "field_t")
COLUMNS = (
    "patient",
    *FILES,
    "person",
    "b_value",
    *onset.COLUMNS,
    "lesion_side",
    "age",
    "sex",
    "nihss",
    "site",
    "field_t",
)
if twice := [column for column in SERIES if COLUMNS.count(column) > 1]:
    raise ConfigurationError(
        f"src/strokeclock/series.py: the series {twice[0]!r} is called like another column of the cohort "
        "sheet: rename it."
    )
# Of a row that was read: the ways of giving the onset have become minutes, kind and class.
READ = tuple(column for column in COLUMNS if column not in (onset.HOURS, *onset.STAMPS))
# Of the run's table: without files, so that it holds no folder and a mask drawn later makes nothing stale.
TABLE = tuple(column for column in READ if column not in FILES)
LESION_SIDES = (*SIDES, BOTH)
EXCLUSIONS = ("patient", "stage", "reason")  # columns of exclusions.tsv

_MISSING = {"", "n/a", "na", "nan", "none"}
_DESCRIBED = "docs/reference/cohort-sheet.md"
_LONGEST_ID = 100  # characters; a file's name has 255, and suffixes follow
_READ_AS_MISSING = {"na", "nan", "none", "null"}  # by other programs
_DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?")  # of Windows, whatever follows the dot
_PATIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class Cohort:
    """The patients who take part, and the excluded ones.

    Attributes
    ----------
    rows : tuple of dict
        One a patient, in alphabetical order, with every key of `READ`; values are text, "" where missing;
        series and mask are absolute paths. The person is the patient where the sheet has none.
    exclusions : dict
        patient -> one sentence with the reason and the remedy.
    """

    rows: tuple[dict[str, str], ...]
    exclusions: dict[str, str]

    @property
    def patients(self) -> list[str]:
        """The patients who take part."""
        return [row["patient"] for row in self.rows]

    @property
    def persons(self) -> dict[str, str]:
        """Patient -> person."""
        return {row["patient"]: row["person"] for row in self.rows}

    @property
    def labelled(self) -> list[str]:
        """The patients whose time or class of onset is known, and the lesion's side too or from its mask."""
        return [row["patient"] for row in self.rows if _has_onset(row) and _may_have_lesion(row)]

    @property
    def unlabelled(self) -> list[str]:
        """The other patients."""
        return sorted(set(self.patients) - set(self.labelled))


def read_sheet(
    path: str | Path,
    *,
    needed: Collection[str] = list_needed(CHANNELS),
    require_onset: bool = True,
    exclude: Mapping[str, str] | None = None,
) -> Cohort:
    """Read and check a cohort sheet (tab-separated, with a header; docs/reference/cohort-sheet.md).

    Faults of the sheet's form stop the run; faults of one patient's row exclude that patient alone.

    Parameters
    ----------
    path : path
        The sheet. Paths in it are absolute or relative to its folder. Missing values: empty or n/a.
    needed : collection of str
        The series that every patient needs (`series.list_needed`). None where patients are only read with a
        bundle: then no side is needed either.
    require_onset : bool
        Exclude patients without a time or class of onset, and those without a lesion of known side or mask.
    exclude : mapping
        patient -> reason: a person's exclusions (configuration key cohort.exclude).

    Raises
    ------
    ConfigurationError
        Not a text file, missing, unknown or repeated column, no rows, repeated patient, an identifier unfit
        for a file name, or an excluded patient who is not in the sheet.
    """
    header, table = read_cells(path)
    _check_header(header, path, needed=needed, require_onset=require_onset)
    if not table:
        raise ConfigurationError(f"{path} has a header and no patient: add one row a patient.")

    rows = []
    for _, line in table:
        given = {name: _clean(cell, column=name) for name, cell in zip(header, line, strict=True)}
        rows.append(_with_paths({column: given.get(column, "") for column in COLUMNS}, Path(path).parent))
    _check_identifiers(rows, numbers=[number for number, _ in table], path=path)
    if fault := onset.check_units(rows):
        raise ConfigurationError(f"{path}: {fault}.")

    exclude = {str(patient): reason for patient, reason in (exclude or {}).items()}
    if unknown := sorted(set(exclude) - {row["patient"] for row in rows}):
        raise ConfigurationError(
            f"Configuration key cohort.exclude names {', '.join(unknown)}, not in {path}: "
            "correct or remove them."
        )
    rows.sort(key=lambda row: row["patient"])  # results do not depend on the sheet's order
    entered, exclusions = [], {}
    for row in rows:
        reason = exclude.get(row["patient"])
        try:
            read = _read_row(row)
            reason = reason or _fault(read, needed=needed, require_onset=require_onset)
        except onset.OnsetError as error:
            reason = reason or str(error)
        if reason:
            exclusions[row["patient"]] = reason
        else:
            entered.append(read)
    return Cohort(rows=tuple(entered), exclusions=exclusions)


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
    """Write the checked sheet (`TABLE`) and the entry exclusions (patient, stage, reason) as TSV."""
    write_cells(table, TABLE, ([row[column] for column in TABLE] for row in cohort.rows))
    write_cells(
        exclusions,
        EXCLUSIONS,
        ((patient, "entry", reason) for patient, reason in cohort.exclusions.items()),
    )


def read_sides(path: str | Path) -> dict[str, str]:
    """Read the patients' lesion sides from cohort.tsv: left, right, both, or "" where it is not known."""
    return {patient: side for patient, side in read_columns(path, "patient", "lesion_side")}


def _clean(cell: str, *, column: str) -> str:
    cell = cell.strip()
    if column == "patient":
        return cell
    if column == "lesion_side" and cell.lower() == NO_LESION:
        return cell
    return "" if cell.lower() in _MISSING else cell


def _with_paths(row: dict[str, str], folder: Path) -> dict[str, str]:
    """Make paths absolute; links are not followed, for sidecars lie beside them and not beside their ends."""
    return row | {name: os.path.abspath(folder / row[name]) for name in FILES if row[name]}


def _read_row(row: Mapping[str, str]) -> dict[str, str]:
    """Return a row with the columns `READ`; raise OnsetError as `onset.read_onset`."""
    minutes, kind, onset_class = onset.read_onset(row)
    return {column: row[column] for column in READ} | {
        "person": row["person"] or row["patient"],
        "age": strip_cap(row["age"]),
        onset.MINUTES: minutes,
        onset.KIND: kind,
        onset.CLASS: onset_class,
    }


def _has_onset(row: Mapping[str, str]) -> bool:
    return bool(row[onset.MINUTES] or row[onset.CLASS])


def _may_have_lesion(row: Mapping[str, str]) -> bool:
    """Whether the lesion's side is given, or may follow from its mask."""
    return row["lesion_side"] in LESION_SIDES or (not row["lesion_side"] and bool(row[LESION_MASK]))


def _check_header(
    header: list[str], path: str | Path, *, needed: Collection[str], require_onset: bool
) -> None:
    if not any(header):
        raise ConfigurationError(f"{path} is empty: write a header and one row a patient ({_DESCRIBED}).")
    repeated = sorted({column for column in header if header.count(column) > 1})
    unknown = sorted(set(header) - set(COLUMNS))
    missing = [] if "patient" in header else ["patient"]
    if require_onset and not {onset.MINUTES, onset.HOURS, onset.ONSET, onset.CLASS} & {*header}:
        missing.append(f"{onset.MINUTES} (or another one of the onset)")
    if needed and not {"lesion_side", LESION_MASK} & {*header}:
        missing.append(f"lesion_side (or {LESION_MASK})")
    for name in needed:
        if name not in header and not ((instead := SERIES[name].instead) and instead in header):
            missing.append(f"{name} (or {instead}, from which it can be derived)" if instead else name)
    if missing:
        raise ConfigurationError(
            f"{path} lacks the column {', '.join(missing)}: add it (tab-separated; {_DESCRIBED})."
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
    identifiers = [row["patient"] for row in rows]
    for number, patient in zip(numbers, identifiers, strict=True):
        if not _PATIENT_ID.fullmatch(patient):
            raise ConfigurationError(
                f"{path} line {number}: patient {patient!r} cannot name a file: "
                "use letters, digits, '.', '_', '+' and '-' only, a letter or digit first."
            )
        if fault := _fault_of_identifier(patient):
            raise ConfigurationError(f"{path} line {number}: patient {patient!r} {fault}.")
        if (before := first_seen.setdefault(patient.lower(), number)) != number:
            raise ConfigurationError(
                f"{path} line {number}: patient {patient} stands already in line {before}"
                + (
                    ": keep one row a patient."
                    if patient in identifiers[: numbers.index(number)]
                    else " in other capitals, which other computers take for the same file: rename one."
                )
            )


def _fault_of_identifier(patient: str) -> str | None:
    """Return why an identifier that consists of allowed characters can name no file, or None."""
    if len(patient) > _LONGEST_ID:
        return f"has {len(patient)} characters: give an identifier of at most {_LONGEST_ID}"
    if patient.endswith("."):
        return "ends in a dot, which Windows drops: give another identifier"
    if patient.lower() in _READ_AS_MISSING:
        return "is a missing value for other programs: give another identifier"
    if _DEVICES.fullmatch(patient.lower()):
        return "is a device on Windows, so it can name no file there: give another identifier"
    return None


def _fault(row: Mapping[str, str], *, needed: Collection[str], require_onset: bool) -> str | None:
    """Return one sentence with the reason why this row cannot be used, or None."""
    for name in needed:
        if reason := _lack(row, SERIES[name]):
            return reason
    for name in FILES:
        if "{" in row[name] or "}" in row[name]:
            return (
                f"column {name} names a file whose path holds a brace, which Snakemake takes for a wildcard: "
                "rename the file or its folder"
            )
        if row[name] and not os.path.isfile(row[name]):
            return f"column {name} names {os.path.basename(row[name])}, which is not there: correct the path"
    for column in _NUMBERS:
        if row[column] and (fault := find_fault(column, row[column])):
            return fault
    if not _PATIENT_ID.fullmatch(row["person"]):  # which may be a name: it is not repeated
        return "column person holds more than letters, digits, '.', '_', '+' and '-': write a code"
    if fault := _fault_of_side(row):
        return fault
    if row["sex"] and row["sex"] not in ("F", "M"):
        return f"column sex is {row['sex']!r}: use F or M, or leave it empty"
    return _lack_of_label(row) if require_onset else None


def _fault_of_side(row: Mapping[str, str]) -> str | None:
    side = row["lesion_side"]
    if side not in ("", *LESION_SIDES, NO_LESION):
        if side.lower() == NO_LESION:
            return (
                f"column lesion_side is {side!r}: use none where there is no acute lesion, n/a if not known"
            )
        return f"column lesion_side is {side!r}: use {', '.join(LESION_SIDES)} or {NO_LESION}"
    if side == NO_LESION and row[LESION_MASK]:
        return f"column lesion_side is {NO_LESION}, and column {LESION_MASK} names a file: empty one of them"
    return None


def _lack_of_label(row: Mapping[str, str]) -> str | None:
    """Return why a row cannot teach a time task, or None."""
    remedy = "or set cohort.require_onset: false"
    if row["lesion_side"] == NO_LESION:
        return f"no acute lesion: column lesion_side is {NO_LESION}, so remove the row, {remedy}"
    if not _may_have_lesion(row):
        return f"no lesion side: fill column lesion_side, name a mask in column {LESION_MASK}, {remedy}"
    if _has_onset(row):
        return None
    of_bound = (
        f"write {onset.EARLY} into column {onset.CLASS} if the patient was last known well less than 4.5 h "
        f"before the MRI, {remedy}"
    )
    if row[onset.KIND]:  # whose time may not be filled
        return f"onset unknown ({row[onset.KIND]}): {of_bound}"
    return f"no time of onset: fill column {onset.MINUTES}, {of_bound}"


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
