"""What an import did, in plain words."""

from collections.abc import Collection, Iterator

from strokeclock.cohort.split_file import name_some
from strokeclock.intake.importer import BEFORE, SELECTION, SHEET, Report

_MOST = 20  # lines of faults


def summarise(report: Report) -> Iterator[str]:
    """Yield the lines of the summary."""
    yield f"The source is {report.kind}."
    yield (
        f"{_count(report.persons, 'person')}: {len(report.complete)} complete, {len(report.asked)} "
        f"{'needs' if len(report.asked) == 1 else 'need'} a choice, "
        f"{len(report.entered) - len(report.complete)} incomplete, {len(report.without)} without a usable "
        "series."
    )
    if report.lacks:
        for name, whose in report.lacks.items():
            yield f"Without {name}: {len(whose)} ({name_some(whose)})."
    if report.several_visits:
        yield (
            f"{_count(report.several_visits, 'person')} with several visits: one visit is taken, the others "
            f"stand in {SELECTION}."
        )
    lines = [f"  {patient}: {fault}" for patient, faults in report.faults.items() for fault in faults]
    if lines:
        yield f"Series that cannot be used, where nothing else fills their column: {len(lines)}."
        yield from lines[:_MOST]
        if len(lines) > _MOST:
            yield f"  and {len(lines) - _MOST} more; all stand in {SELECTION}."
    yield from report.notes
    if report.kept_before:
        yield f"The earlier {SELECTION} decided differently; it is kept as {BEFORE}."
    yield f"{SHEET} has {_count(len(report.entered), 'patient')}."
    if report.entered:
        yield _say_what_is_unknown(len(report.without_onset), len(report.without_side))
    if report.asked:
        yield from _say_how_to_choose(report.asked)


def _say_what_is_unknown(onset: int, side: int) -> str:
    said = f"Without a known onset: {onset}. Without a lesion side or mask: {side}."
    if not onset and not side:
        return said
    return f"{said} A run excludes them unless cohort.require_onset is false."


def _say_how_to_choose(asked: Collection[str]) -> Iterator[str]:
    yield f"Not in it, because several series are alike: {name_some(asked)}."
    yield (
        f"To choose: open {SELECTION}, write yes or no in the column chosen where it says ask, and run the "
        f"same command with --selection and that file."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
