"""Bring one patient's series onto the atlas grid with the open toolchain.

Inputs: the raw series t2w, dwi, flair, adc (those that there are), atlas_t2w, atlas_brain_mask, atlas_grid.
Outputs: t2w, dwi, flair, adc, brain_mask on the grid, t2w_to_atlas and flair_to_t2w as 4 x 4 matrices.
Settings: preprocessing.n4, preprocessing.open; b_value from the cohort sheet.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
raw = {name: snakemake.input.get(name) or None for name in ("t2w", "dwi", "flair", "adc")}
run_step(
    lambda: preprocess_patient(
        patient=snakemake.wildcards.patient,
        **raw,
        b_value=snakemake.params.b_value,
        atlas_t2w=snakemake.input.atlas_t2w,
        atlas_brain_mask=snakemake.input.atlas_brain_mask,
        atlas_grid=snakemake.input.atlas_grid,
        t2w_dof=snakemake.params.t2w_dof,
        shrink=snakemake.params.shrink,
        iterations=snakemake.params.iterations,
        shared_dwi=snakemake.params.shared_dwi,
        outputs=dict(snakemake.output.items()),
    ),
    patient=snakemake.wildcards.patient,
    inputs=filter(None, raw.values()),
    outputs=snakemake.output,
)
