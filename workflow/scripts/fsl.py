"""Look for FSL where the jobs run, and note its version.

Output: found.
"""

import os

from strokeclock.files import write_whole
from strokeclock.imaging.fsl import find_version, require_fsl
from strokeclock.logs import log_to

log_to(snakemake.log[0])
require_fsl(os.environ)
write_whole(snakemake.output.found, f"{find_version(os.environ)}\n")
