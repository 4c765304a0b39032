"""Withdrawal: remove a patient from a run, and say what learned from the patient and what remains."""

import binascii
import json
import re
import shutil
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.cohort.parts import read_parts
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.predictions import SEAL, read_predictions, write_predictions

_SUFFIXES = r"(?:\.(?:nii|gz|npy|npz|json|png|svg|log|txt|tsv|csv|html|zip|pt))"
# Arrays, which name nobody; every other file is searched.
_ARRAYS = {".nii", ".gz", ".mha", ".mgz", ".nrrd", ".npy", ".npz", ".mat", ".png", ".tif", ".tiff", ".jpg"}
_SOFTWARE = ("conda", "conda-archive", "singularity")  # folders in .snakemake
_RECORDS = ("metadata", "incomplete")  # folders in .snakemake with a file for each output
_LEARNING = ("train", "validation")


class WithdrawalError(StrokeclockError):
    """There is no such run, or it holds no such patient."""


@dataclass(kw_only=True)
class Withdrawal:
    """What a run holds of a patient. Paths start at the working folder.

    Attributes
    ----------
    files : files and folders of the patient alone, which are deleted, and Snakemake's records of outputs that
        are gone.
    tables : lose the patient's rows.
    logs : lose the lines that name the patient.
    part : of the split; None where the patient has none.
    repeat_parts : name of a repeated split -> the patient's part in it.
    learned : models, fitted files and bundles that learned from the patient, unfinished trainings, and the
        histogram reference. A model learned where the one that it started from did.
    mentions : further files that name the patient, and bundles with tokens of the patient's scans.
    records : Snakemake's records that name the patient, of outputs that are there.
    is_reference : the intensities of all patients are matched to this patient's.
    is_listed : the cohort or the exclusions of the run name the patient.
    is_counted : the results of the run, if it has any, were made with the patient.
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
    records: list[Path] = field(default_factory=list)
    is_reference: bool = False
    is_listed: bool = False
    is_counted: bool = False
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
    listed = _list_patients(results)
    found = Withdrawal(patient=patient, run=run, is_listed=patient in listed)
    own = _NamesOf(patient, others=listed)
    for folder in (results, logs, *_list_searched(Path(root) / ".snakemake")):
        for path in _walk(folder, own, found.files):
            _sort_in(path, own, found)
    for name in _RECORDS:
        _sort_records(Path(root), Path(root) / ".snakemake" / name, own, found)
    if not (found.files or found.tables or found.logs or found.mentions or found.records):
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
    references = [one / "hemispheres/reference.npz" for one in (results, *results.glob("repeats/*"))]
    references = [path for path in references if _is_reference(path, patient)]
    found.is_reference = bool(references)
    found.learned = sorted({*found.learned, *references})
    found.learned = sorted({*found.learned, *_list_descendants(results, found.learned)})
    found.mentions = sorted({*found.mentions} - {*found.learned})
    found.is_counted = _is_counted(results, is_listed=found.is_listed)
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
    elif found.is_listed:
        yield "No model, fitted file or bundle of this run learned from the patient."
    if not found.is_listed:
        yield (
            "The cohort of this run does not name the patient: which fitted files, unfinished trainings and "
            "bundles learned from the patient cannot be told."
        )
    if found.is_reference:
        yield (
            "The intensities of all patients are matched to this patient's: all hemispheres, models and "
            "results must be made again."
        )
    yield from _list(
        "These name the patient, or hold tokens of the scans, and stay; make them again or delete them",
        found.mentions,
    )
    yield from _list(
        "Snakemake's records of outputs name the patient, too; they change when the outputs are made again, "
        "and those that are still listed then may be deleted",
        found.records,
    )
    if found.is_counted:
        yield (
            f"Tables, figures and pages in results/{found.run} hold numbers in which the patient is counted: "
            "they stay until they are made again."
        )
    if found.is_counted or found.files or found.tables:
        yield (
            "Remove the patient's row from the cohort sheet, the reader sheet, the verdicts and the split "
            "file, and the series from their folder; then run again: what depends on the patient is made "
            "again. To keep the other patients' parts, name a copy of cohort/split.tsv in split.file first."
        )
    if found.other_runs:
        yield f"Other runs hold the patient, too: {', '.join(found.other_runs)}."
    if not done and (found.files or found.tables or found.logs):
        yield "Nothing was changed: repeat the command with --yes to delete."
    elif not done:
        yield "Nothing is left that --yes deletes."


class _NamesOf:
    """Tells which file names and texts name one patient and no other one."""

    def __init__(self, patient: str, *, others: Iterable[str]):
        self._patient = patient
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
        return self._patient in text and any(self.is_name(found[0]) for found in self._word.finditer(text))


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


def _list_searched(snakemake: Path) -> list[Path]:
    """The folders of .snakemake that may name patients, but for the records of outputs."""
    passed = {*_SOFTWARE, *_RECORDS}
    folders = snakemake.iterdir() if snakemake.is_dir() else ()
    return sorted(folder for folder in folders if folder.name not in passed)


def _sort_in(path: Path, own: _NamesOf, found: Withdrawal) -> None:
    """Add a file that names the patient to its kind."""
    if path.suffix == ".pt":
        if _is_pickled_in(found.patient, path):
            found.mentions.append(path)
        return
    if path.suffix in _ARRAYS or not own.in_text(text := _read_text(path)):
        return
    if path.suffix == ".log":
        found.logs.append(path)
        return
    if path.suffix == ".tsv" and found.patient in _column(path):
        found.tables.append(path)
        text = _read_others(path, found.patient)
    if own.in_text(text):
        found.mentions += [path, *_find_beside(path, {"run.json": "model.pt", ".svg": ".png"})]
    participants = _read_json(path).get("participants") if path.name == "run.json" else None
    if participants and any(found.patient in participants.get(part, ()) for part in _LEARNING):
        found.learned += _find_beside(path, {"run.json": "model.pt"})


def _find_beside(path: Path, partners: Mapping[str, str]) -> list[Path]:
    """The partner of a file, by its name's end, if it is there."""
    names = (path.name[: -len(end)] + other for end, other in partners.items() if path.name.endswith(end))
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


def _is_pickled_in(patient: str, path: Path) -> bool:
    """Whether a file of torch holds the identifier, as its pickle of protocol 2 does: behind its length."""
    text = patient.encode()
    return b"X" + len(text).to_bytes(4, "little") + text in path.read_bytes()


def _sort_records(root: Path, folder: Path, own: _NamesOf, found: Withdrawal) -> None:
    """Add Snakemake's records that name the patient; those of outputs that go, or are gone, to the files.

    Records of another run's outputs are passed over: that run's own list has them.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_dir() or not own.in_text(f"{_decode_record(path, folder)} {_read_text(path)}"):
            continue
        output = root / _decode_record(path, folder)
        if not output.exists() or {output, *output.parents} & {*found.files}:
            found.files.append(path)
        elif not _is_of_other_run(
            output.relative_to(root) if output.is_relative_to(root) else output, found.run
        ):
            found.records.append(path)


def _decode_record(path: Path, folder: Path) -> str:
    """The output of a record: Snakemake names the file so, in parts that begin with @ where it is long."""
    name = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
    try:
        return urlsafe_b64decode(name).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name


def _is_of_other_run(output: Path, run: str) -> bool:
    return output.parts[:1] == ("results",) and output.parts[1:2] != (run,)


def _list_descendants(results: Path, learned: Iterable[Path]) -> set[Path]:
    """The models that started from one of these models, or from one that did."""
    records = {path.with_name("model.pt"): _read_json(path) for path in results.rglob("run.json")}
    starts = {path: (record.get("parent") or {}).get("sha256") for path, record in records.items()}
    found: set[Path] = set()
    new = {*learned} & {*records}
    while new:
        digests = {records[path].get("model_sha256") for path in new} - {None, ""}
        new = {path for path, start in starts.items() if start in digests and path.is_file()} - found
        found |= new
    return found


def _is_counted(results: Path, *, is_listed: bool) -> bool:
    """Whether results of the run, if there are any, were made with the patient.

    The page with the results is made last. While it is older than the cohort's tables, from which the patient
    was removed, the run was not made again.
    """
    page = results / "index.html"
    shown = [page] if page.is_file() else [*results.glob("tables/*"), *results.glob("figures/*")]
    changed = max((path.stat().st_mtime_ns for path in results.glob("cohort/*.tsv")), default=0)
    return any(is_listed or path.stat().st_mtime_ns < changed for path in shown)


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
    tables = [
        results / f"cohort/{name}.tsv" for name in ("entered", "cohort", "entry_exclusions", "exclusions")
    ]
    return {patient for table in tables if table.is_file() for patient in _column(table)}


def _column(path: Path) -> list[str]:
    """The column patient of a table; [] where the file has none."""
    try:
        header, lines = read_cells(path)
    except StrokeclockError:
        return []
    return [cells[header.index("patient")] for _, cells in lines] if "patient" in header else []


def _read_others(path: Path, patient: str) -> str:
    """The other patients' rows of a table, as text."""
    header, lines = read_cells(path)
    at = header.index("patient")
    return "\n".join("\t".join(cells) for _, cells in lines if cells[at] != patient)


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
