"""Measure how well an ideal observer could tell the time since onset from the phantom's lesions.

Output: ceiling (JSON: AUC with interval for TSS < 3 h and < 4.5 h, all channels and each).
Settings: phantom.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.ceiling import measure_ceiling, write_ceiling

log_to(snakemake.log[0])
write_ceiling(snakemake.output.ceiling, measure_ceiling(4000, settings=snakemake.params.settings))
