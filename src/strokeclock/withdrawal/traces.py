"""Find what a run holds of a patient."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from strokeclock.cohort.cells import read_cells
from strokeclock.errors import StrokeclockError
from strokeclock.withdrawal import records
from strokeclock.withdrawal.contents import read_identifiers, read_json, read_text
from strokeclock.withdrawal.learners import LEARNING, find_part, is_reference, list_descendants, list_learners
from strokeclock.withdrawal.names import NamesOf

# Arrays, which name nobody; every other file is searched.
_ARRAYS = {".nii", ".gz", ".mha", ".mgz", ".nrrd", ".npy", ".npz", ".mat", ".png", ".tif", ".tiff", ".jpg"}
_SOFTWARE = ("conda", "conda-archive", "singularity")  # folders in .snakemake


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
    own = NamesOf(patient, others=listed)
    for folder in (results, logs, *_list_searched(Path(root) / ".snakemake")):
        for path in _walk(folder, own, found.files):
            _sort_in(path, own, found)
    for path, output in records.find_records(Path(root), own):
        if not output.exists() or {output, *output.parents} & {*found.files}:
            found.files.append(path)
        elif not records.is_of_other_run(output, run=run, root=Path(root)):
            found.records.append(path)
    if not (found.files or found.tables or found.logs or found.mentions or found.records):
        raise WithdrawalError(
            f"Nothing in run {run} names patient {patient!r}: write the identifier as in the cohort sheet."
        )
    found.part = find_part(results, patient)
    found.learned += list_learners(results, found.part)
    for repeat in sorted(results.glob("repeats/*")):
        if part := find_part(repeat, patient):
            found.repeat_parts[repeat.name] = part
            found.learned += list_learners(repeat, part)
    if found.part or found.repeat_parts:
        found.mentions += results.glob("bundle/*.zip")
    found.mentions += _find_pages(results, found.mentions)
    references = [one / "hemispheres/reference.npz" for one in (results, *results.glob("repeats/*"))]
    references = [path for path in references if is_reference(path, patient)]
    found.is_reference = bool(references)
    found.learned = sorted({*found.learned, *references})
    found.learned = sorted({*found.learned, *list_descendants(results, found.learned)})
    found.mentions = sorted({*found.mentions} - {*found.learned})
    found.is_counted = _is_counted(results, is_listed=found.is_listed)
    found.other_runs = sorted(
        folder.name
        for folder in results.parent.iterdir()
        if folder != results and patient in _list_patients(folder)
    )
    return found


def _walk(folder: Path, own: NamesOf, files: list[Path]) -> Iterator[Path]:
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
    passed = {*_SOFTWARE, *records.FOLDERS}
    folders = snakemake.iterdir() if snakemake.is_dir() else ()
    return sorted(folder for folder in folders if folder.name not in passed)


def _sort_in(path: Path, own: NamesOf, found: Withdrawal) -> None:
    """Add a file that names the patient to its kind."""
    if path.suffix == ".pt":
        if _is_pickled_in(found.patient, path):
            found.mentions.append(path)
        return
    if path.suffix in _ARRAYS or not own.in_text(text := read_text(path)):
        return
    if path.suffix == ".log":
        found.logs.append(path)
        return
    if path.suffix == ".tsv" and found.patient in read_identifiers(path):
        found.tables.append(path)
        text = _read_others(path, found.patient)
    if own.in_text(text):
        found.mentions += [path, *_find_beside(path, {"run.json": "model.pt", ".svg": ".png"})]
    participants = read_json(path).get("participants") if path.name == "run.json" else None
    if participants and any(found.patient in participants.get(part, ()) for part in LEARNING):
        found.learned += _find_beside(path, {"run.json": "model.pt"})


def _find_beside(path: Path, partners: Mapping[str, str]) -> list[Path]:
    """The partner of a file, by its name's end, if it is there."""
    names = (path.name[: -len(end)] + other for end, other in partners.items() if path.name.endswith(end))
    return [path.with_name(name) for name in names if path.with_name(name).is_file()]


def _is_pickled_in(patient: str, path: Path) -> bool:
    """Whether a file of torch holds the identifier, as its pickle of protocol 2 does: behind its length."""
    text = patient.encode()
    return b"X" + len(text).to_bytes(4, "little") + text in path.read_bytes()


def _find_pages(results: Path, pictures: Iterable[Path]) -> Iterator[Path]:
    """Yield the pages that hold one of these pictures: the name in it is no text of the page."""
    held = [b64encode(path.read_bytes()).decode() for path in pictures if path.suffix in (".png", ".svg")]
    for page in sorted(results.rglob("*.html")):
        text = read_text(page)
        if any(picture in text for picture in held):
            yield page


def _is_counted(results: Path, *, is_listed: bool) -> bool:
    """Whether results of the run, if there are any, were made with the patient.

    The page with the results is made last. While it is older than the cohort's tables, from which the patient
    was removed, the run was not made again.
    """
    page = results / "index.html"
    shown = [page] if page.is_file() else [*results.glob("tables/*"), *results.glob("figures/*")]
    changed = max((path.stat().st_mtime_ns for path in results.glob("cohort/*.tsv")), default=0)
    return any(is_listed or path.stat().st_mtime_ns < changed for path in shown)


def _list_patients(results: Path) -> set[str]:
    """The identifiers of a run's cohort and exclusions."""
    tables = [
        results / f"cohort/{name}.tsv" for name in ("entered", "cohort", "entry_exclusions", "exclusions")
    ]
    return {patient for table in tables if table.is_file() for patient in read_identifiers(table)}


def _read_others(path: Path, patient: str) -> str:
    """The other patients' rows of a table, as text."""
    header, lines = read_cells(path)
    at = header.index("patient")
    return "\n".join("\t".join(cells) for _, cells in lines if cells[at] != patient)
