"""Log a step's messages to its log file; warnings, errors and uncaught exceptions to the screen, too."""

import logging
import sys
from pathlib import Path
from types import TracebackType

from strokeclock.errors import StrokeclockError


def log_to(path: str | Path) -> None:
    """Send logging records to ``path``, and warnings and errors to standard error as well.

    An uncaught `StrokeclockError` is logged without a traceback, any other exception with it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    logging.basicConfig(
        level=logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[logging.FileHandler(path, mode="w"), screen],
        force=True,
    )
    logging.captureWarnings(True)

    def log_uncaught(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if issubclass(kind, StrokeclockError):
            logging.error("%s", error)
        else:
            logging.error("uncaught exception", exc_info=(kind, error, traceback))

    sys.excepthook = log_uncaught
