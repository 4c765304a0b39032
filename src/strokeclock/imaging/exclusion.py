"""How an excluded patient travels: in the place of a volume stands one line that says why.

The set of jobs is then known before the first one runs, a broken series costs one patient and not the
cohort, and no file of an excluded patient can be read as an image by mistake.
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


def run_step(
    step: Callable[[], object],
    *,
    patient: str,
    inputs: Iterable[str | Path],
    outputs: Iterable[str | Path],
) -> None:
    """Run one patient's step; where it or an earlier one had to exclude the patient, pass the reason on.

    Parameters
    ----------
    step : callable
        Writes every file of ``outputs``; raises `PatientError` if the data cannot be used.
    patient : str
        Identifier, for the log.
    inputs, outputs : iterables of paths
        Files of this patient alone. The first exclusion note among the inputs goes to all outputs.
    """
    reason = next(filter(None, map(read_exclusion, inputs)), None)
    if reason is None:
        log.info("patient %s", patient)  # what follows in the log is about this one
        try:
            step()
            return
        except PatientError as error:
            reason = error.reason
    log.warning("patient %s is excluded: %s", patient, reason)
    write_exclusion(outputs, reason)
