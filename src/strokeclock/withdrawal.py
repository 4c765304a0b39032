"""Withdrawal: remove a patient from a run, and say what learned from the patient and what remains."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.cohort.parts import read_parts
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.predictions import SEAL, read_predictions, write_predictions

_SUFFIXES = r"(?:\.(?:nii|gz|npy|npz|json|png|svg|log|txt|tsv|csv|html|zip|pt))"
_TEXTS = {".json", ".html", ".csv", ".svg", ".txt", ".yaml", ""}  # searched; "" are Snakemake's own files
_LEARNING = ("train", "validation")


class WithdrawalError(StrokeclockError):
    """There is no such run, or it holds no such patient."""


@dataclass(kw_only=True)
class Withdrawal:
    """What a run holds of a patient. Paths start at the working folder.

    Attributes
    ----------
    files : files and folders of the patient alone, which are deleted.
    tables : lose the patient's rows.
    logs : lose the lines that name the patient.
    part : of the split; None where the patient has none.
    repeat_parts : name of a repeated split -> the patient's part in it.
    learned : models, fitted files and bundles that learned from the patient, and unfinished trainings.
    mentions : further files that name the patient, and bundles with tokens of the patient's scans.
    is_reference : the intensities of all patients are matched to this patient's.
    other_runs : runs whose cohort holds the patient, too.
    """

    patient: str
    run: str
    files: list[Path] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    part: str | None = None
    repeat_parts: dict[str, str] = field(default_factory=dict)
    learned: list[Path] = field(default_factory=list)
    mentions: list[Path] = field(default_factory=list)
    is_reference: bool = False
    other_runs: list[str] = field(default_factory=list)


def find_traces(patient: str, *, run: str, root: str | Path = ".") -> Withdrawal:
    """Find what a run holds of a patient; nothing is changed.

    Parameters
    ----------
    root : the folder that holds results/ and logs/.

    Raises
    ------
    WithdrawalError
        There is no such run, or nothing in it names the patient.
    """
    results, logs = Path(root) / "results" / run, Path(root) / "logs" / run
    if not run or Path(run).name != run or run == ".." or not results.is_dir():
        raise WithdrawalError(f"There is no run {run!r} in results/: give the name of its folder.")
    found = Withdrawal(patient=patient, run=run)
    own = _NamesOf(patient, others=_list_patients(results))
    for folder in (results, logs, Path(root) / ".snakemake"):
        for path in _walk(folder, own, found.files):
            _sort_in(path, own, found)
    if not (found.files or found.tables or found.logs or found.mentions):
        raise WithdrawalError(
            f"Nothing in run {run} names patient {patient!r}: write the identifier as in the cohort sheet."
        )
    found.part = _find_part(results, patient)
    found.learned += _list_learners(results, found.part)
    for repeat in sorted(results.glob("repeats/*")):
        if part := _find_part(repeat, patient):
            found.repeat_parts[repeat.name] = part
            found.learned += _list_learners(repeat, part)
    if found.part or found.repeat_parts:
        found.mentions += results.glob("bundle/*.zip")
    found.learned = sorted({*found.learned})
    found.mentions = sorted({*found.mentions} - {*found.learned})
    references = [results, *results.glob("repeats/*")]
    found.is_reference = any(_is_reference(one / "hemispheres/reference.npz", patient) for one in references)
    found.other_runs = sorted(
        folder.name
        for folder in results.parent.iterdir()
        if folder != results and patient in _list_patients(folder)
    )
    return found


def withdraw(found: Withdrawal) -> None:
    """Delete what `find_traces` found of the patient alone; the split, which tells the part, goes last."""
    for path in found.files:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    named = _NamesOf(found.patient, others=())
    for path in found.logs:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(keepends=True)
        kept = "".join(line for line in lines if not named.in_text(line))
        write_whole(path, kept.encode("utf-8", errors="surrogateescape"))
    for path in sorted(found.tables, key=lambda path: path.name == "split.tsv"):
        _remove_rows(path, found.patient)


def describe(found: Withdrawal, *, done: bool) -> Iterator[str]:
    """Yield sentences and lists of paths: what is or was deleted, what learned, what remains, what to do."""
    verb = "Deleted" if done else "To be deleted"
    yield from _list(f"{verb}: {len(found.files)} files and folders of patient {found.patient}", found.files)
    yield from _list(f"{verb}: the patient's rows in {len(found.tables)} tables", found.tables)
    yield from _list(f"{verb}: the lines that name the patient in {len(found.logs)} logs", found.logs)
    if found.part:
        yield f"The patient is in the {found.part} part of the split."
    for repeat, part in found.repeat_parts.items():
        yield f"The patient is in the {part} part of {repeat}."
    if found.learned:
        yield from _list("These learned from the patient and stay until you delete them", found.learned)
    else:
        yield "No model, fitted file or bundle of this run learned from the patient."
    if found.is_reference:
        yield (
            "The intensities of all patients are matched to this patient's: all hemispheres, models and "
            "results must be made again."
        )
    yield from _list(
        "These name the patient, or hold tokens of the scans, and stay; make them again or delete them",
        found.mentions,
    )
    yield (
        f"Tables, figures and pages in results/{found.run} hold numbers in which the patient is counted: "
        "they stay until they are made again."
    )
    yield (
        "Remove the patient's row from the cohort sheet, the reader sheet, the verdicts and the split file, "
        "and the series from their folder; then run again: what depends on the patient is made again. To "
        "keep the other patients' parts, name a copy of cohort/split.tsv in split.file first."
    )
    if found.other_runs:
        yield f"Other runs hold the patient, too: {', '.join(found.other_runs)}."
    if not done:
        yield "Nothing was changed: repeat the command with --yes to delete."


class _NamesOf:
    """Tells which file names and texts name one patient and no other one."""

    def __init__(self, patient: str, *, others: Iterable[str]):
        self._own = re.compile(re.escape(patient) + _SUFFIXES + "*")
        self._others = [
            re.compile(re.escape(other) + _SUFFIXES + "*")
            for other in others
            if other.startswith(f"{patient}.")
        ]
        self._word = re.compile(
            r"(?<![A-Za-z0-9._+-])" + re.escape(patient) + _SUFFIXES + r"*(?![A-Za-z0-9_+-]|\.[A-Za-z0-9])"
        )

    def is_name(self, name: str) -> bool:
        return bool(self._own.fullmatch(name)) and not any(other.fullmatch(name) for other in self._others)

    def in_text(self, text: str) -> bool:
        return any(self.is_name(found[0]) for found in self._word.finditer(text))


def _walk(folder: Path, own: _NamesOf, files: list[Path]) -> Iterator[Path]:
    """Yield the files below a folder; what is named after the patient goes to ``files`` instead."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if own.is_name(path.name):
            files.append(path)
        elif path.is_dir() and not path.is_symlink():
            yield from _walk(path, own, files)
        elif path.is_file():
            yield path


def _sort_in(path: Path, own: _NamesOf, found: Withdrawal) -> None:
    """Add a file that names the patient to its kind."""
    if path.suffix == ".tsv":
        if found.patient in _column(path):
            found.tables.append(path)
        elif own.in_text(_read_text(path)):
            found.mentions.append(path)
    elif path.suffix == ".log" and ".snakemake" not in path.parts:
        if own.in_text(_read_text(path)):
            found.logs.append(path)
    elif path.name == "run.json" and (participants := _read_json(path).get("participants")):
        if any(found.patient in participants.get(part, ()) for part in _LEARNING):
            found.learned.append(path.with_name("model.pt"))
        elif own.in_text(_read_text(path)):
            found.mentions += [path, path.with_name("model.pt")]
    elif path.suffix in {*_TEXTS, ".log"} and own.in_text(_read_text(path)):
        found.mentions.append(path)


def _find_part(folder: Path, patient: str) -> str | None:
    split = folder / "cohort/split.tsv"
    return read_parts(split).get(patient) if split.is_file() else None


def _list_learners(results: Path, part: str | None) -> Iterator[Path]:
    """Yield the fitted files, unfinished trainings and bundles that learned from patients of a part."""
    if part not in _LEARNING:
        return
    for path in sorted((results / "fitted").rglob("*.json")):
        if part in _find_parts(_read_json(path)):
            yield path
    states = (f"{kind}/**/{name}.pt" for kind in ("models", "search") for name in ("latest", "previous"))
    for pattern in (*states, "bundle/*.zip"):
        yield from sorted(results.glob(pattern))


def _find_parts(content: Any) -> set[str]:
    """The parts that a fitted file, or any of its rows, was fitted on."""
    if isinstance(content, list):
        return {part for value in content for part in _find_parts(value)}
    if not isinstance(content, dict):
        return set()
    own = content["fitted_on"]["parts"] if isinstance(content.get("fitted_on"), dict) else ()
    return {*own, *(part for value in content.values() for part in _find_parts(value))}


def _is_reference(path: Path, patient: str) -> bool:
    from strokeclock.imaging.reference import read_reference  # brings nibabel

    reference = read_reference(path) if path.is_file() else None
    return reference is not None and reference.patient == patient


def _list_patients(results: Path) -> set[str]:
    """The identifiers of a run's cohort and exclusions."""
    tables = ("cohort/cohort.tsv", "cohort/exclusions.tsv", "cohort/entry_exclusions.tsv")
    return {
        patient for table in tables if (results / table).is_file() for patient in _column(results / table)
    }


def _column(path: Path) -> list[str]:
    """The column patient of a table; [] where the file has none."""
    try:
        header, lines = read_cells(path)
    except StrokeclockError:
        return []
    return [cells[header.index("patient")] for _, cells in lines] if "patient" in header else []


def _remove_rows(path: Path, patient: str) -> None:
    header, lines = read_cells(path)
    if SEAL in header:
        rows = read_predictions(path, unlabelled=True)
        write_predictions(path, rows[rows["patient"] != patient].itertuples(index=False, name=None))
        return
    at = header.index("patient")
    write_cells(path, header, (cells for _, cells in lines if cells[at] != patient))


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _list(title: str, paths: Iterable[Path]) -> Iterator[str]:
    paths = list(paths)
    if paths:
        yield f"{title}:"
        yield from (f"  {path}" for path in paths)
