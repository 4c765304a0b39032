"""Exclusion notes: the files of an excluded patient hold one line with the reason in place of a volume.

So the set of jobs is known before the first one runs, a damaged series excludes one patient and does not stop
the run, and no file of an excluded patient can be read as an image by mistake.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from strokeclock.errors import PatientError
from strokeclock.files import write_whole

log = logging.getLogger(__name__)

_PREFIX = b"excluded: "


def read_exclusion(path: str | Path) -> str | None:
    """Return why the patient was excluded if ``path`` holds an exclusion note, else None."""
    with open(path, "rb") as file:
        if file.read(len(_PREFIX)) != _PREFIX:
            return None
        return file.read().decode().strip()


def write_exclusion(paths: Iterable[str | Path], reason: str) -> None:
    """Write the one-line note ``reason`` in the place of every file of ``paths``."""
    for path in paths:
        write_whole(path, _PREFIX + " ".join(reason.split()).encode() + b"\n")


def _read_note(path: str | Path) -> str | None:
    """As `read_exclusion`; a folder or a protected file has no note: the step says what is wrong with it."""
    try:
        return read_exclusion(path)
    except (IsADirectoryError, PermissionError):
        return None


def run_step(
    step: Callable[[], object],
    *,
    patient: str,
    inputs: Iterable[str | Path],
    outputs: Iterable[str | Path],
) -> None:
    """Run one patient's step; if it or an earlier step excludes the patient, write the reason to all outputs.

    Parameters
    ----------
    step : callable
        Writes every file of ``outputs``; raises `PatientError` if the data cannot be used.
    patient : str
        Identifier, for the log.
    inputs, outputs : iterables of paths
        Files of this patient alone. The first exclusion note among the inputs goes to all outputs.
    """
    reason = next(filter(None, map(_read_note, inputs)), None)
    if reason is None:
        log.info("patient %s", patient)  # the messages that follow are about this patient
        try:
            step()
            return
        except PatientError as error:
            reason = error.reason
    log.warning("patient %s is excluded: %s", patient, reason)
    write_exclusion(outputs, reason)
