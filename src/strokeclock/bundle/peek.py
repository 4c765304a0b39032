"""What the machine that runs Snakemake asks of a bundle, by the standard library alone."""

import json
import zipfile
from pathlib import Path

from strokeclock.bundle.archive import DAMAGE
from strokeclock.bundle.names import CONFIGURATION
from strokeclock.toolchain import OPEN


def find_toolchain(bundle: str | Path) -> str:
    """Return the toolchain of preprocessing that a bundle names, to choose its job's environment.

    open where the file is no bundle, or is not there yet: the job says so.
    """
    try:
        with zipfile.ZipFile(bundle) as file:
            return str(json.loads(file.read(CONFIGURATION))["preprocessing"]["toolchain"])
    except (OSError, ValueError, KeyError, TypeError, *DAMAGE):
        return OPEN
