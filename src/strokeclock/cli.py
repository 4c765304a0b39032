"""The command line: strokeclock import | forget …"""

import argparse
import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strokeclock.errors import StrokeclockError

_WRONG = 2  # exit status of wrong use or input


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or 2 after one sentence on what was wrong."""
    parser = argparse.ArgumentParser(
        prog="strokeclock", description="Time since stroke onset from MRI. Research use only."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(commands)
    _add_forget(commands)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        given.run(given)
    except StrokeclockError as error:
        return _refuse(str(error))
    except OSError as error:
        name = f" {Path(error.filename).name}" if isinstance(error.filename, str) else ""
        return _refuse(f"File{name}: {error.strerror}.")
    return 0


def _refuse(sentence: str) -> int:
    print(f"strokeclock: {sentence}", file=sys.stderr)
    return _WRONG


def _add_import(commands: Any) -> None:
    command = commands.add_parser(
        "import",
        help="make a cohort sheet from a BIDS set, DICOM files or other images",
        description="Find the series of a source, choose, convert, and write cohort.tsv; see docs/import.md.",
    )
    command.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="BIDS set, folder or zip of DICOM files, or folder of images",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    command.add_argument(
        "--participants", type=Path, metavar="FILE", help="table of persons: onset, lesion_side, age, sex …"
    )
    command.add_argument(
        "--selection", type=Path, metavar="FILE", help="selection.tsv with a person's choices"
    )
    command.set_defaults(run=_run_import)


def _run_import(given: argparse.Namespace) -> None:
    from strokeclock.intake.importer import import_cohort
    from strokeclock.intake.summary import summarise

    gc.set_threshold(50_000, 20, 100)  # records of thousands of series live to the end: seldom worth a search
    report = import_cohort(
        given.source, given.out, participants=given.participants, selection=given.selection
    )
    print("\n".join(summarise(report)))


def _add_forget(commands: Any) -> None:
    command = commands.add_parser(
        "forget",
        help="remove a patient who withdraws from a run",
        description="List what a run holds of a patient and what learned from it; with --yes, delete.",
    )
    command.add_argument("patient", metavar="PATIENT", help="identifier as in the cohort sheet")
    command.add_argument("--run", dest="name", required=True, metavar="RUN", help="folder in results/")
    command.add_argument("--yes", action="store_true", help="delete; without it, nothing is changed")
    command.set_defaults(run=_run_forget)


def _run_forget(given: argparse.Namespace) -> None:
    from strokeclock.withdrawal import describe, find_traces, withdraw

    found = find_traces(given.patient, run=given.name)
    if given.yes:
        withdraw(found)
    print("\n".join(describe(found, done=given.yes)))
