"""The command line: strokeclock import | read | bundle | forget | jobs | cancel | estimate"""

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strokeclock import __version__
from strokeclock.errors import ConfigurationError, StrokeclockError
from strokeclock.host import check_host
from strokeclock.series import BOTH, SERIES, SIDES

_FAULT, _WRONG = 1, 2  # exit status of a fault of the installation or a bundle, and of wrong use or input
_MOST_THREADS = 8  # of torch, for one patient


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or after one sentence on what was wrong 2, of a bundle 1."""
    parser = argparse.ArgumentParser(
        prog="strokeclock", description="Time since stroke onset from MRI. Research use only."
    )
    parser.add_argument("--version", action="version", version=f"strokeclock {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(commands)
    _add_read(commands)
    _add_bundle(commands)
    _add_forget(commands)
    _add_jobs(commands)
    _add_cancel(commands)
    _add_estimate(commands)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        check_host()
        given.run(given)
    except ConfigurationError as error:
        return _refuse(str(error), status=_WRONG)
    except StrokeclockError as error:
        return _refuse(str(error), status=given.status)
    except OSError as error:
        name = f" {Path(error.filename).name}" if isinstance(error.filename, str) else ""
        return _refuse(f"File{name}: {error.strerror}.", status=given.status)
    return 0


def _refuse(sentence: str, *, status: int) -> int:
    print(f"strokeclock: {sentence}", file=sys.stderr)
    return status


def _add_import(commands: Any) -> None:
    command = commands.add_parser(
        "import",
        help="make a cohort sheet from a BIDS set, DICOM files or other images",
        description="Find a source's series, choose, convert, and write cohort.tsv: see docs/how-to/bids.md.",
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
    command.set_defaults(run=_run_import, status=_WRONG)


def _run_import(given: argparse.Namespace) -> None:
    from strokeclock.intake.importer import import_cohort
    from strokeclock.intake.summary import summarise

    gc.set_threshold(50_000, 20, 100)  # records of thousands of series live to the end: seldom worth a search
    report = import_cohort(
        given.source, given.out, participants=given.participants, selection=given.selection
    )
    print("\n".join(summarise(report)))


def _add_read(commands: Any) -> None:
    command = commands.add_parser(
        "read",
        help="read the time since onset of one patient with a bundle",
        description="Read one patient: DICOM, a BIDS subject, a folder of images, or single files. Writes "
        "a page, reading.json and the lesion; see docs/how-to/read.md. Research use only.",
    )
    command.add_argument(
        "-i",
        "--input",
        dest="source",
        type=Path,
        metavar="STUDY",
        help="folder or zip of one patient's series",
    )
    command.add_argument("-m", "--model", type=Path, required=True, metavar="FILE", help="bundle, model.zip")
    command.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help="where to write")
    for name, series in SERIES.items():
        command.add_argument(
            f"--{name}", type=Path, metavar="FILE", help=f"{series.title} image, of any format"
        )
    command.add_argument(
        "--side",
        choices=("auto", *SIDES, BOTH),
        default="auto",
        help="hemisphere of the lesion; auto: found by the networks, or not told",
    )
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="of the networks")
    command.add_argument("--threads", type=int, metavar="N", help="of the networks; default: all, 8 at most")
    command.add_argument(
        "--dicom",
        action="store_true",
        help="also write the picture and the lesion as DICOM of the same study",
    )
    command.set_defaults(run=_run_read, status=_FAULT)


def _run_read(given: argparse.Namespace) -> None:
    from strokeclock.reading.command import read_to_folder

    files = {name: getattr(given, name) for name in SERIES if getattr(given, name)}
    if not given.source and not files:
        raise ConfigurationError(
            "Nothing to read: name a study with -i, or its files with --dwi, --t2w, --flair."
        )
    lines = read_to_folder(
        given.source,
        given.model,
        given.out,
        files=files,
        side=given.side,
        device=given.device,
        threads=given.threads or min(len(os.sched_getaffinity(0)), _MOST_THREADS),
        as_dicom=given.dicom,
        tell=_tell,
    )
    print("\n".join(lines))


def _tell(step: str, seconds: float) -> None:
    print(f"{step} {seconds:.1f} s", file=sys.stderr, flush=True)


def _add_bundle(commands: Any) -> None:
    command = commands.add_parser(
        "bundle",
        help="export, verify or show a bundle",
        description="A bundle is what a run fitted, as one file; see docs/how-to/share-a-bundle.md.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help="check a run's bundle and copy it")
    export.add_argument("name", metavar="RUN", help="folder in results/")
    export.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the copy")
    export.set_defaults(run=_run_export, status=_FAULT)
    verify = actions.add_parser("verify", help="check every digest, and run the self-test on this machine")
    verify.add_argument("model", type=Path, metavar="FILE")
    verify.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    verify.set_defaults(run=_run_verify, status=_FAULT)
    show = actions.add_parser("show", help="print the model card")
    show.add_argument("model", type=Path, metavar="FILE")
    show.set_defaults(run=_run_show, status=_FAULT)


def _run_export(given: argparse.Namespace) -> None:
    from strokeclock.reading.command import copy_bundle

    print("\n".join(copy_bundle(given.name, given.out)))


def _run_verify(given: argparse.Namespace) -> None:
    from strokeclock.reading.command import verify_bundle

    threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
    print("\n".join(verify_bundle(given.model, device=given.device, threads=threads)))


def _run_show(given: argparse.Namespace) -> None:
    from strokeclock.reading.command import show_bundle

    print("\n".join(show_bundle(given.model)))


def _add_forget(commands: Any) -> None:
    command = commands.add_parser(
        "forget",
        help="remove a patient who withdraws from a run",
        description="List what a run holds of a patient and what learned from it; with --yes, delete.",
    )
    command.add_argument("patient", metavar="PATIENT", help="identifier as in the cohort sheet")
    command.add_argument("--run", dest="name", required=True, metavar="RUN", help="folder in results/")
    command.add_argument("--yes", action="store_true", help="delete; without it, nothing is changed")
    command.set_defaults(run=_run_forget, status=_WRONG)


def _run_forget(given: argparse.Namespace) -> None:
    from strokeclock.withdrawal import describe, find_traces, withdraw

    found = find_traces(given.patient, run=given.name)
    if given.yes:
        withdraw(found)
    print("\n".join(describe(found, done=given.yes)))


def _add_jobs(commands: Any) -> None:
    command = commands.add_parser(
        "jobs",
        help="show the Slurm jobs of a run that wait or run",
        description="List your Slurm jobs of runs in a folder: what each does, how long it has run, or why "
        "it waits; see docs/how-to/cluster.md.",
    )
    _add_directory(command)
    command.set_defaults(run=_run_jobs, status=_FAULT)


def _run_jobs(given: argparse.Namespace) -> None:
    from strokeclock.slurm import describe_jobs, list_jobs

    print("\n".join(describe_jobs(list_jobs(given.directory))))


def _add_directory(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--directory", type=Path, default=Path(), metavar="FOLDER", help="where Snakemake runs; default: here"
    )


def _add_cancel(commands: Any) -> None:
    command = commands.add_parser(
        "cancel",
        help="end the Slurm jobs that a killed Snakemake left behind",
        description="End your Slurm jobs of runs in a folder and wait until they have ended; see "
        "docs/how-to/cluster.md.",
    )
    _add_directory(command)
    command.set_defaults(run=_run_cancel, status=_FAULT)


def _run_cancel(given: argparse.Namespace) -> None:
    from strokeclock.slurm import cancel_jobs

    for line in cancel_jobs(given.directory):
        print(line)


def _add_estimate(commands: Any) -> None:
    command = commands.add_parser(
        "estimate",
        help="say what a run will cost: CPU hours, GPU hours, disk",
        description="Estimate a run's CPU hours, GPU hours and disk from its sheet and measured costs.",
    )
    command.add_argument("sheet", type=Path, metavar="SHEET", help="cohort.tsv")
    command.add_argument(
        "--configfile", type=Path, nargs="+", default=[], metavar="FILE", help="as for Snakemake"
    )
    command.set_defaults(run=_run_estimate, status=_WRONG)


def _run_estimate(given: argparse.Namespace) -> None:
    from strokeclock.estimate import estimate

    for line in estimate(given.sheet, given.configfile):
        print(line)
