"""Import a source: choose, bring and write; one patient's fault is that patient's alone."""

import errno
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from strokeclock.cohort import onset
from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.protocol import write_protocol
from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.errors import ConfigurationError, PatientError, StrokeclockError
from strokeclock.files import ignore_in_git, replacing_folder
from strokeclock.intake import participants as tables
from strokeclock.intake import selection as selections
from strokeclock.intake.acquisition import ASSUMED_B
from strokeclock.intake.choice import ASK, COLUMNS, YES, Decision, apply_choices, choose
from strokeclock.intake.cohort_sheet import check_unedited, write_sheet
from strokeclock.intake.found import Found
from strokeclock.intake.selection import Choice
from strokeclock.intake.source import check_places, open_source
from strokeclock.intake.sources import name_patients, read_known, write_sources

log = logging.getLogger(__name__)

SHEET, PROTOCOL, SELECTION, SOURCES, IMAGES = (
    "cohort.tsv", "protocol.tsv", "selection.tsv", "sources.tsv", "images",
)  # fmt: skip
BEFORE = "selection.before.tsv"
_NEEDED = {"DWI": ("dwi",), "b0 or ADC": ("t2w", "adc"), "FLAIR": ("flair",)}
_OF_THE_COMPUTER = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_NOMINAL_T = (0.5, 1.0, 1.5, 3.0, 7.0)


@dataclass(kw_only=True)
class Report:
    """What an import did.

    Attributes
    ----------
    kind
        What the source is.
    persons
        Number of persons.
    entered
        Patients of cohort.tsv.
    complete
        Those of them who have DWI, b0 or ADC, and FLAIR.
    asked
        Patients between whose series a person must choose; they are not in cohort.tsv.
    without
        Patients without a series that can be used; they are not in cohort.tsv.
    several_visits
        Number of persons with several visits.
    without_onset
        Patients of cohort.tsv who have neither a time nor a class of the onset there.
    without_side
        Patients of cohort.tsv who have neither a lesion side nor a mask there.
    lacks
        "DWI", "b0 or ADC" or "FLAIR" -> patients of cohort.tsv who lack it.
    faults
        Patient -> sentences on series that would have been taken.
    notes
        Sentences on the table of persons.
    kept_before
        Whether an earlier selection.tsv was moved to `BEFORE`.
    """

    kind: str
    persons: int = 0
    entered: list[str] = field(default_factory=list)
    complete: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    without_onset: list[str] = field(default_factory=list)
    without_side: list[str] = field(default_factory=list)
    several_visits: int = 0
    lacks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)
    kept_before: bool = False


def import_cohort(
    source: Path, out: Path, *, participants: Path | None = None, selection: Path | None = None
) -> Report:
    """Import a source into a folder: cohort.tsv, protocol.tsv, selection.tsv, sources.tsv and images/.

    Parameters
    ----------
    source
        A BIDS set, a folder or zip archive of DICOM files, or a folder of images.
    out
        The folder to write. What an earlier import wrote is replaced. A new folder is ignored by git.
    participants
        Table of persons; None: that of the BIDS set, where it has one.
    selection
        selection.tsv of an earlier import, as a person edited it.

    Raises
    ------
    ConfigurationError
        Source, output or a table cannot be used; or cohort.tsv in `out` holds a person's corrections; or
        selection.tsv in `out` holds a person's choices and `selection` is not given.
    """
    check_places(source, out)
    check_unedited(out / SHEET)
    choices = selections.read_selection(selection) if selection else {}
    opened = open_source(source)
    table = participants or opened.participants
    read = tables.read_participants(table) if table else None
    series: dict[str, list[Found]] = defaultdict(list)
    for one in opened.series:
        series[one.person].append(one)
    if not series:
        raise ConfigurationError("The source holds no series: name the folder that holds the images.")
    known = read_known(out / SOURCES)
    patients = name_patients(series, known=known, keep=opened.keeps_names)
    automatic = {patients[person]: choose(found) for person, found in series.items()}
    if selection:
        selections.check_known(selection, choices, automatic)
    decisions = {
        patient: apply_choices(mine, {key: one[:2] for key, one in choices.get(patient, {}).items()})
        for patient, mine in automatic.items()
    }
    report = Report(kind=opened.kind, persons=len(series), notes=[*opened.notes])
    report.several_visits = sum(
        len({one.session for one in found if one.session}) > 1 for found in series.values()
    )
    report.kept_before = _check_earlier(out / SELECTION, decisions, given=selection is not None)
    rows = _read_rows(read, decisions, patients, table, report) if read and table else {}

    if not out.is_dir() or not any(out.iterdir()):
        ignore_in_git(out)
    with replacing_folder(out / IMAGES) as images:
        brought = {}
        for patient, mine in decisions.items():
            columns, decisions[patient] = _bring(patient, mine, images, report)
            if columns:
                brought[patient] = columns
        check_unedited(out / SHEET)  # again, before anything is replaced: series take minutes
    _count(brought, decisions, report)
    write_cells(
        out / SELECTION,
        selections.HEADER,
        (row for patient, mine in decisions.items() for row in selections.format_rows(patient, mine)),
        before=out / BEFORE if report.kept_before else None,
    )
    write_sources(out / SOURCES, {patients[person]: found for person, found in series.items()}, known=known)
    sheet = [_make_row(patient, columns, rows) for patient, columns in brought.items()]
    write_sheet(out / SHEET, sheet)
    _count_unknown(sheet, report)
    write_protocol(
        out / SHEET,
        out / PROTOCOL,
        series={
            patient: {name: str(out / _place(patient, name)) for name in columns if name != LESION_MASK}
            for patient, columns in brought.items()
        },
        b_values={
            patient: columns["dwi"].b_value or ASSUMED_B if "dwi" in columns else ASSUMED_B
            for patient, columns in brought.items()
        },
    )
    return report


def _check_earlier(path: Path, decisions: Mapping[str, Sequence[Decision]], *, given: bool) -> bool:
    """Return whether an earlier selection decides differently; refuse that where no selection is given."""
    if not path.exists():
        return False
    now = {
        patient: {(one.found.session, one.found.name): Choice(one.chosen, one.columns, 0) for one in mine}
        for patient, mine in decisions.items()
    }
    differ = selections.differ(selections.read_selection(path), now)
    if differ and not given:
        raise ConfigurationError(
            f"{path.name} in the output differs from what would be chosen now, maybe by a person's choices: "
            "go on with them by --selection, or delete the file to begin anew."
        )
    return differ


def _bring(
    patient: str, decisions: Sequence[Decision], images: Path, report: Report
) -> tuple[dict[str, Found], list[Decision]]:
    """Bring a patient's chosen series; return column -> series, and the decisions with what was noticed."""
    if any(one.chosen == ASK for one in decisions):
        report.asked.append(patient)
        return {}, [*decisions]
    brought: dict[str, Found] = {}
    noted = []
    folder = images / patient
    for one in decisions:
        notes: list[str] = []
        if one.chosen == YES:
            try:
                notes = one.found.bring({column: folder / _name(column) for column in one.columns})
                brought |= dict.fromkeys(one.columns, one.found)
            except Exception as error:  # of one series, whatever it is: the others go on
                if isinstance(error, OSError) and error.errno in _OF_THE_COMPUTER:
                    raise
                fault = _hide_names(_explain(error), one.found)
                report.faults[patient].append(f"{one.found.name}: {fault}")
                notes = [fault]
                for column in one.columns:
                    (folder / _name(column)).unlink(missing_ok=True)
        hidden = [_hide_names(note, one.found) for note in notes]
        noted.append(replace(one, note="; ".join((one.note, *hidden))) if hidden else one)
    return {column: brought[column] for column in COLUMNS if column in brought}, noted


def _explain(error: Exception) -> str:
    """Return the true cause without a path, which other errors may hold."""
    if isinstance(error, PatientError):
        return error.reason
    if isinstance(error, StrokeclockError):
        return str(error)
    log.debug("a series failed", exc_info=error)
    cause = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return f"it could not be read ({cause}): export it again"


def _hide_names(text: str, found: Found) -> str:
    """Put the series' name in the place of names of image files, which may be names of people.

    A file without an ending, or of digits alone, is a DICOM file. No sentence names one: 4 is a number there.
    """
    names = {file.name for file in found.files if file.suffix and any(map(str.isalpha, file.name))}
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, found.name)
    return text


def _name(column: str) -> str:
    return f"{column}.nii.gz"


def _place(patient: str, column: str) -> str:
    return f"{IMAGES}/{patient}/{_name(column)}"


def _count(
    brought: Mapping[str, Mapping[str, Found]], decisions: Mapping[str, Sequence[Decision]], report: Report
) -> None:
    report.entered = [*brought]
    asked = {*report.asked}
    report.without = [patient for patient in decisions if patient not in brought and patient not in asked]
    for patient, columns in brought.items():
        lacking = [name for name, ways in _NEEDED.items() if not {*ways} & {*columns}]
        for name in lacking:
            report.lacks[name].append(patient)
        if not lacking:
            report.complete.append(patient)
    for patient, mine in decisions.items():
        if patient in asked:
            continue
        filled = brought.get(patient, {})
        for one in mine:
            if one.chosen != YES and one.found.faults and not {*one.found.gives} & {*filled}:
                report.faults[patient].append(f"{one.found.name}: {one.found.faults[0]}")


def _count_unknown(sheet: Sequence[Mapping[str, str]], report: Report) -> None:
    for row in sheet:
        if not row.get(onset.MINUTES) and not row.get(onset.CLASS):
            report.without_onset.append(row["patient"])
        if not row.get("lesion_side") and not row.get(LESION_MASK):
            report.without_side.append(row["patient"])


def _read_rows(
    read: tables.Participants,
    decisions: Mapping[str, Sequence[Decision]],
    patients: Mapping[str, str],
    table: Path,
    report: Report,
) -> dict[str, dict[str, str]]:
    """Return patient -> the cells that the table of persons gives."""
    visits = {
        patient: next((one.found.session for one in mine if one.chosen == YES and one.found.session), "")
        for patient, mine in decisions.items()
    }
    rows, lines_without = tables.match_rows(read, patients, visits, name=table.name)
    onsets, notes = tables.read_onsets(rows)
    report.notes += [*read.notes, *notes]
    if without := len(patients) - len(rows):
        report.notes.append(f"{table.name}: {without} of {len(patients)} persons have no row.")
    if lines_without:
        report.notes.append(f"{table.name}: {lines_without} rows name nobody of the source.")
    if read.unused:
        report.notes.append(f"{table.name}: columns that are not used: {', '.join(read.unused)}.")
    kept = ("lesion_side", "age", "sex", "nihss", "site", "field_t")
    return {
        patient: {column: row[column] for column in kept} | onsets.get(patient, {})
        for patient, row in rows.items()
    }


def _make_row(
    patient: str, columns: Mapping[str, Found], rows: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    given = rows.get(patient, {})
    b_value = columns["dwi"].b_value if "dwi" in columns else None
    field_t = next(
        (
            one.facts["MagneticFieldStrength"]
            for one in columns.values()
            if "MagneticFieldStrength" in one.facts
        ),
        None,
    )
    return {
        "field_t": _name_field(field_t),
        "b_value": "" if b_value is None else f"{b_value:g}",
        **{column: cell for column, cell in given.items() if cell},
        "patient": patient,
        "person": patient,
        **{column: _place(patient, column) for column in columns},
    }


def _name_field(field_t: object) -> str:
    """Return the field strength by its usual name: scanners write 2.89 for 3 T."""
    if not isinstance(field_t, int | float):
        return ""
    near = min(_NOMINAL_T, key=lambda nominal: abs(nominal - field_t))
    return f"{near if abs(near - field_t) <= 0.1 * near else field_t:g}"
