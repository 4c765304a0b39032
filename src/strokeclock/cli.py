"""The command line: strokeclock import | read | bundle | forget | jobs | cancel | estimate | check-network"""

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
_PIPE_CLOSED = 128 + 13  # exit status as of a program that the signal SIGPIPE ends
_RUN_HELP = "the name of the run, such as demo, or its folder results/demo"
_MOST_THREADS = 8  # of torch, for one patient


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or after one sentence on what was wrong 2, of a bundle 1."""
    given = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        check_host()
        given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # `strokeclock ... | head`: the rest is not wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return _PIPE_CLOSED
    except ConfigurationError as error:
        return _refuse(str(error), status=_WRONG)
    except StrokeclockError as error:
        return _refuse(str(error), status=given.status)
    except OSError as error:
        name = f" {Path(error.filename).name}" if isinstance(error.filename, str) else ""
        return _refuse(f"File{name}: {error.strerror}.", status=given.status)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; docs/reference/command-line.md is made from it."""
    parser = argparse.ArgumentParser(
        prog="strokeclock", description="Time since stroke onset from MRI. Research use only."
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"strokeclock {__version__}",
        help="print the version and exit",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(commands)
    _add_read(commands)
    _add_bundle(commands)
    _add_forget(commands)
    _add_jobs(commands)
    _add_cancel(commands)
    _add_estimate(commands)
    _add_check_network(commands)
    return parser


def _refuse(sentence: str, *, status: int) -> int:
    print(f"strokeclock: {sentence}", file=sys.stderr)
    return status


def _add_import(commands: Any) -> None:
    command = commands.add_parser(
        "import",
        help="make a cohort sheet from a BIDS set, DICOM files or other images",
        description="Find the series of each patient in SOURCE, choose one of each kind, convert them to "
        "NIfTI and write the cohort sheet; see docs/how-to/bids.md.",
    )
    command.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a BIDS set, a folder or zip archive of DICOM files, or a folder of images",
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder to write")
    command.add_argument(
        "--participants",
        type=Path,
        metavar="FILE",
        help="a table of the persons, with their onset, lesion_side, age, sex and so on",
    )
    command.add_argument(
        "--selection",
        type=Path,
        metavar="FILE",
        help="selection.tsv of an earlier import, in which you chose among several series",
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
        description="Read one patient: DICOM files, a BIDS subject, a folder of images, or single files. "
        "The command writes a page, the numbers (reading.json) and the lesion; see docs/how-to/read.md. "
        "Research use only.",
    )
    command.add_argument(
        "-i",
        "--input",
        dest="source",
        type=Path,
        metavar="STUDY",
        help="a folder or zip archive of one patient's series; it may be left out where files are named",
    )
    command.add_argument(
        "-m", "--model", type=Path, required=True, metavar="FILE", help="the bundle, model.zip"
    )
    command.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FOLDER", help="the folder to write"
    )
    for name, series in SERIES.items():
        command.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"the {series.title} image, instead of one in STUDY",
        )
    command.add_argument(
        "--side",
        choices=("auto", *SIDES, BOTH),
        default="auto",
        help="the hemisphere of the lesion; auto: the networks find it, or no side is told",
    )
    _add_device(command)
    command.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help=f"threads of the networks; without it as many as there are processors, at most {_MOST_THREADS}",
    )
    command.add_argument(
        "--dicom",
        action="store_true",
        help="also write the picture and the lesion as DICOM files of the same study",
    )
    command.set_defaults(run=_run_read, status=_FAULT)


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where the networks run; auto: on the GPU if there is one",
    )


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
        description="A bundle is everything that was fitted in a run, as one file, model.zip; see "
        "docs/how-to/share-a-bundle.md.",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    export = _add_action(actions, "export", "Check the bundle of a run and copy it.")
    export.add_argument("name", metavar="RUN", type=_name_run, help=_RUN_HELP)
    export.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the copy to write")
    export.set_defaults(run=_run_export)
    verify = _add_action(
        actions, "verify", "Check every digest in a bundle, and run its self-test on this machine."
    )
    _add_model(verify)
    _add_device(verify)
    verify.set_defaults(run=_run_verify)
    show = _add_action(actions, "show", "Print the model card of a bundle.")
    _add_model(show)
    show.set_defaults(run=_run_show)


def _add_action(actions: Any, name: str, sentence: str) -> argparse.ArgumentParser:
    """Add an action of `strokeclock bundle`; its list has the sentence in small letters."""
    action = actions.add_parser(
        name, help=sentence[0].lower() + sentence[1:].removesuffix("."), description=sentence
    )
    action.set_defaults(status=_FAULT)
    return action


def _add_model(action: argparse.ArgumentParser) -> None:
    action.add_argument("model", type=Path, metavar="FILE", help="the bundle, model.zip")


def _name_run(given: str) -> str:
    """The name of a run, of its name or its folder."""
    folder = Path(given)
    return folder.name if folder.parent == Path("results") else given


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
        description="List what a run holds of a patient, and what learned from the patient; with --yes, "
        "delete what is the patient's alone; see docs/how-to/withdrawal.md.",
    )
    command.add_argument("patient", metavar="PATIENT", help="the identifier, as in the cohort sheet")
    command.add_argument("--run", dest="name", required=True, metavar="RUN", type=_name_run, help=_RUN_HELP)
    command.add_argument("--yes", action="store_true", help="delete; without it nothing is changed")
    command.add_argument(
        "--learned",
        action="store_true",
        help="with --yes, also delete the models, fitted files and bundles that learned from the patient",
    )
    command.set_defaults(run=_run_forget, status=_WRONG)


def _run_forget(given: argparse.Namespace) -> None:
    from strokeclock.withdrawal.description import describe
    from strokeclock.withdrawal.removal import withdraw
    from strokeclock.withdrawal.traces import find_traces

    found = find_traces(given.patient, run=given.name)
    if given.yes:
        withdraw(found, learned=given.learned)
    print("\n".join(describe(found, done=given.yes, learned=given.learned)))


def _add_jobs(commands: Any) -> None:
    command = commands.add_parser(
        "jobs",
        help="show the Slurm jobs of a run that wait or run",
        description="List your Slurm jobs of the runs in a folder: what each does, how long it has run, or "
        "why it waits; see docs/how-to/cluster.md.",
    )
    _add_directory(command)
    command.set_defaults(run=_run_jobs, status=_FAULT)


def _run_jobs(given: argparse.Namespace) -> None:
    from strokeclock.slurm import describe_jobs, list_jobs

    print("\n".join(describe_jobs(list_jobs(given.directory))))


def _add_directory(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the folder where Snakemake runs; without it the current one",
    )


def _add_cancel(commands: Any) -> None:
    command = commands.add_parser(
        "cancel",
        help="end the Slurm jobs that a killed Snakemake left behind",
        description="End your Slurm jobs of the runs in a folder and wait until they have ended; see "
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
        description="Estimate the CPU hours, GPU hours and disk of a run, from its cohort sheet and from "
        "measured costs; see docs/how-to/cluster.md.",
    )
    command.add_argument("sheet", type=Path, metavar="SHEET", help="the cohort sheet")
    _add_configfile(command)
    command.set_defaults(run=_run_estimate, status=_WRONG)


def _run_estimate(given: argparse.Namespace) -> None:
    from strokeclock.estimate import estimate

    for line in estimate(given.sheet, given.configfile):
        print(line)


def _add_configfile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="the configuration files of the run, as for Snakemake",
    )


def _add_check_network(commands: Any) -> None:
    command = commands.add_parser(
        "check-network",
        help="check a network of your own before it is trained",
        description="Build a network with a run's settings, without and with attention gates, and try what "
        "trainings, Grad-CAM and Figure 4 use of it; see docs/how-to/new-network.md.",
    )
    command.add_argument("network", metavar="NAME", help="the network, as in training.networks")
    _add_configfile(command)
    command.set_defaults(run=_run_check_network, status=_WRONG)


def _run_check_network(given: argparse.Namespace) -> None:
    from strokeclock.network_check import check_network_of

    print(check_network_of(given.network, given.configfile))
