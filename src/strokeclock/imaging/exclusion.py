"""Exclusion notes: the files of an excluded patient hold one line with the reason in place of a volume.

So the set of jobs is known before the first one runs, a damaged series excludes one patient and does not stop
the run, and no file of an excluded patient can be read as an image by mistake.
"""

import logging
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from strokeclock.errors import PatientError, StrokeclockError
from strokeclock.files import write_whole

log = logging.getLogger(__name__)

_PREFIX = b"excluded: "

# What no patient's series causes: the computer (disk, memory, files), or code that cannot run for anyone.
OF_THE_JOB = (OSError, MemoryError, ImportError, NameError, SyntaxError)


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


def explain(error: Exception, *, patient: str, step: str) -> str:
    """Return why a step's error excludes one patient, or raise it again where it is the whole job's.

    A `PatientError` of this patient says it itself. Any other exception is taken for an effect of this
    patient's series, so the other patients of the job go on; its traceback goes to the log, for it may be an
    error of the program. Raised again are: other errors of the input or the installation
    (`StrokeclockError`, among them those about the atlas), and `OF_THE_JOB`, such as a full disk. What is no
    `Exception`, such as KeyboardInterrupt, never comes here.

    Parameters
    ----------
    step : what was done, for the reason: "preprocess patient".
    """
    if isinstance(error, PatientError) and error.patient == patient:
        return error.reason
    if isinstance(error, (StrokeclockError, *OF_THE_JOB)):
        raise error
    # its message may repeat a path, whose folders can identify the patient
    lines = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    log.error("patient %s: unexpected %s in the step %s:\n%s", patient, type(error).__name__, step, lines)
    return f"the step {step} failed with {_describe(error)}; look at the series"


def _describe(error: Exception) -> str:
    kind, message = type(error).__name__, " ".join(str(error).split())
    if not message or "/" in message or "\\" in message or len(message) > 200:
        return kind
    return f"{kind} ({message})"


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
        Writes every file of ``outputs``. Any exception that `explain` does not raise again excludes the
        patient. The reason names the step by the function's name.
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
        except Exception as error:  # `explain` raises again what is not the patient's
            reason = explain(error, patient=patient, step=_name(step))
    log.warning("patient %s is excluded: %s", patient, reason)
    write_exclusion(outputs, reason)


def _name(step: Callable) -> str:
    """The name of a function, or of the one that a `partial` calls, in words."""
    function = getattr(step, "func", step)
    return getattr(function, "__name__", type(function).__name__).replace("_", " ").strip()
