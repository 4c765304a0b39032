"""What `strokeclock read` and `strokeclock bundle` do."""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from strokeclock.bundle.model import Bundle, open_bundle
from strokeclock.errors import ConfigurationError
from strokeclock.files import ignore_in_git, replacing, replacing_folder
from strokeclock.intake.source import check_places
from strokeclock.reading.clock import Clock, Progress
from strokeclock.reading.output import LOG, PAGE, READING, write_output
from strokeclock.reading.patient import read_patient
from strokeclock.reading.result import ANSWERED, Reading
from strokeclock.reading.self_test import ensure_self_test, run_self_test
from strokeclock.reading.sentences import say_headline
from strokeclock.reading.source import find_study


def read_to_folder(
    source: Path | None,
    model: Path,
    out: Path,
    *,
    files: Mapping[str, Path],
    side: str,
    device: str,
    threads: int,
    as_dicom: bool,
    tell: Progress | None = None,
) -> Iterator[str]:
    """Read one patient into a folder; yield the lines that say what was found.

    Parameters
    ----------
    source, files
        See `source.find_study`.
    model : path
        The bundle.
    out : path
        The folder to write; an earlier reading in it is replaced. It is ignored by git.
    side, device, threads
        See `patient.read_patient`.
    as_dicom : bool
        Also write DICOM (`output.write_output`).
    tell : is told each step that ends.

    Raises
    ------
    ConfigurationError
        The source, the output or a file cannot be used.
    BundleError
        The bundle cannot be used.
    """
    check_output(out)
    if source:
        check_places(source, out)
    clock = Clock(tell)
    with clock.step("bundle"):
        bundle = open_bundle(model)
    with replacing_folder(out) as folder, _logging_to(folder / LOG), tempfile.TemporaryDirectory() as brought:
        ignore_in_git(folder)
        with clock.step("series"):
            study = find_study(source, Path(brought, "images"), files=files)
        with clock.step("self-test"):
            said = ensure_self_test(bundle, device=device, threads=threads)
        read = read_patient(
            study, bundle, side=side, device=device, threads=threads, clock=clock, self_test=said
        )
        reading = write_output(read, study, folder, clock=clock, as_dicom=as_dicom)
    yield describe(reading)
    yield f"The page is {out / PAGE}."


def check_output(out: Path) -> None:
    """Raise ConfigurationError where a folder holds anything but an earlier reading, which is replaced."""
    if out.is_dir() and any(out.iterdir()) and not (out / READING).is_file():
        raise ConfigurationError("The output folder holds other files: name a new one.")
    if out.exists() and not out.is_dir():
        raise ConfigurationError("The output is a file: name a folder.")


def describe(reading: Reading) -> str:
    """Say a reading in one line."""
    if reading.status != ANSWERED:
        return f"{reading.status}: {reading.reason}"
    return f"{reading.status}: {say_headline(reading)}."


def copy_bundle(run: str, out: Path) -> Iterator[str]:
    """Check a run's bundle and copy it; yield what was done."""
    made = Path("results", run, "bundle/model.zip")
    if not made.is_file():
        raise ConfigurationError(
            f"{made} is not there: run `snakemake bundle` with the run's configuration first."
        )
    bundle = open_bundle(made)
    with replacing(out) as beside:
        shutil.copyfile(made, beside)
    yield f"{out}, {made.stat().st_size / 1e6:.1f} MB, sha256 {bundle.archive.sha256}."


def verify_bundle(model: Path, *, device: str, threads: int) -> Iterator[str]:
    """Check a bundle wholly; yield what was checked."""
    bundle = open_bundle(model)
    yield f"{model.name}: {len(bundle.archive.names())} files, each as its manifest says."
    yield f"Self-test: {run_self_test(bundle, device=device, threads=threads)}"


def show_bundle(model: Path) -> Iterator[str]:
    """Yield a bundle's model card."""
    bundle: Bundle = open_bundle(model)
    yield bundle.card


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write what the steps log to a file."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    for other in root.handlers:
        if other is not handler and other.level == logging.NOTSET:
            other.setLevel(logging.WARNING)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()
