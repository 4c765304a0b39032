"""Find the box of a hemisphere that holds the atlas's brain: what networks see with models.field: brain.

Input: atlas_mask. Output: box. Settings: none.
"""

from strokeclock.imaging.hemispheres import write_box
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_box(snakemake.input.atlas_mask, snakemake.output.box)
