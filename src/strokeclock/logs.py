"""Where a step's words go: to its log file and to the screen, uncaught exceptions included."""

import logging
import sys
from pathlib import Path
from types import TracebackType

from strokeclock.errors import StrokeclockError


def log_to(path: str | Path) -> None:
    """Send logging records to ``path`` and standard error; end in one sentence where the input is at fault.

    An uncaught `StrokeclockError` is a person's to mend: its sentence is logged without a traceback.
    Anything else is logged with one.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[logging.FileHandler(path, mode="w"), logging.StreamHandler()],
        force=True,
    )
    logging.captureWarnings(True)

    def log_uncaught(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, StrokeclockError):
            logging.error("%s", error)
        else:
            logging.error("uncaught", exc_info=(kind, error, traceback))

    sys.excepthook = log_uncaught
