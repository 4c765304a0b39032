"""Build the T2w MNI-152 atlas.

Inputs: t2w, brain_mask (only where the source is files). Outputs: t2w and brain_mask at about 2 mm, grid and
brain_mask_grid on the final grid. Settings: preprocessing.atlas, preprocessing.grid.
"""

from strokeclock.imaging.atlas import build_atlas
from strokeclock.logs import log_to

log_to(snakemake.log[0])
build_atlas(
    source=snakemake.params.source,
    grid=snakemake.params.grid,
    t2w=snakemake.input.t2w,
    brain_mask=snakemake.input.brain_mask,
    t2w_out=snakemake.output.t2w,
    brain_mask_out=snakemake.output.brain_mask,
    grid_out=snakemake.output.grid,
    brain_mask_grid_out=snakemake.output.brain_mask_grid,
)
