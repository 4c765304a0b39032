"""What a withdrawal deletes, and what remains, as sentences."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from strokeclock.withdrawal.traces import Withdrawal


def describe(found: Withdrawal, *, done: bool, learned: bool = False) -> Iterator[str]:
    """Yield sentences and lists of paths: what is or was deleted, what learned, what remains, what to do.

    ``done`` says whether `withdraw` was called, ``learned`` with what.
    """
    verb = "Deleted" if done else "To be deleted"
    yield from _list(f"{verb}: {len(found.files)} files and folders of patient {found.patient}", found.files)
    yield from _list(f"{verb}: the patient's rows in {len(found.tables)} tables", found.tables)
    yield from _list(f"{verb}: the lines that name the patient in {len(found.logs)} logs", found.logs)
    if found.part:
        yield f"The patient is in the {found.part} part of the split."
    for repeat, part in found.repeat_parts.items():
        yield f"The patient is in the {part} part of {repeat}."
    if found.learned and learned:
        yield from _list(f"{verb}: what learned from the patient", found.learned)
    elif found.learned:
        yield from _list(
            "These learned from the patient and stay (--learned --yes deletes them, too)", found.learned
        )
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
    if not done and (found.files or found.tables or found.logs or (learned and found.learned)):
        yield "Nothing was changed: repeat the command with --yes to delete."
    elif not done:
        yield "Nothing is left that --yes deletes."


def _list(title: str, paths: Iterable[Path]) -> Iterator[str]:
    paths = list(paths)
    if paths:
        yield f"{title}:"
        yield from (f"  {path}" for path in paths)
