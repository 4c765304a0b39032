"""Register the stripped T2w to the T2w MNI-152 atlas by FLIRT.

Inputs: t2w, grid, brain_mask_grid (atlas). Outputs: t2w (on the atlas grid), matrix (FLIRT's).
Settings: preprocessing.fsl.t2w_dof, t2w_cost.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import register_to_atlas
from strokeclock.logs import log_to

log_to(snakemake.log[0])
run_step(
    lambda: register_to_atlas(
        snakemake.input.t2w,
        grid=snakemake.input.grid,
        brain_mask_grid=snakemake.input.brain_mask_grid,
        out=snakemake.output.t2w,
        matrix=snakemake.output.matrix,
        patient=snakemake.wildcards.patient,
        **snakemake.params.settings,
    ),
    patient=snakemake.wildcards.patient,
    inputs=[snakemake.input.t2w],
    outputs=snakemake.output,
)
