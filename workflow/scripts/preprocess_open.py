"""Bring patients' series onto the atlas grid with the open toolchain, one after the other.

Inputs: the raw series, atlas_t2w, atlas_brain_mask, atlas_grid. Outputs, a file each a patient: t2w, dwi,
flair, adc, brain_mask on the grid, t2w_to_atlas, flair_to_t2w (and dwi_to_t2w) as 4 x 4
matrices. Settings:
preprocessing.n4, preprocessing.open; which patients, which raw series each has, b-values (s/mm2).
"""

from functools import partial

from strokeclock.imaging.atlas import read_atlas
from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
atlas = read_atlas(
    t2w=snakemake.input.atlas_t2w,
    brain_mask=snakemake.input.atlas_brain_mask,
    grid=snakemake.input.atlas_grid,
)
for i, patient in enumerate(snakemake.params.patients):
    raw = snakemake.params.raw[i]
    outputs = {name: paths[i] for name, paths in snakemake.output.items()}
    run_step(
        partial(
            preprocess_patient,
            patient=patient,
            **raw,
            b_value=snakemake.params.b_values[i],
            atlas=atlas,
            register_dwi=snakemake.params.register_dwi,
            t2w_dof=snakemake.params.t2w_dof,
            shrink=snakemake.params.shrink,
            iterations=snakemake.params.iterations,
            shared_dwi=snakemake.params.shared_dwi,
            outputs=outputs,
        ),
        patient=patient,
        inputs=filter(None, raw.values()),
        outputs=outputs.values(),
    )
