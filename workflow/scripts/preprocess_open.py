"""Bring a batch's series onto the atlas grid with the open toolchain, one patient after the other.

Inputs: the raw series, atlas_t2w, atlas_brain_mask, atlas_grid. Output: table (of the preprocessed files).
Params, each by patient: preprocessed (the series and brain_mask on the grid; t2w_to_atlas and
<series>_to_t2w as 4 x 4 matrices), raw (series -> file, None where there is none), b_values
(s/mm2). Settings: preprocessing.n4, preprocessing.open, preprocessing.dwi_transform.
"""

from functools import partial

from strokeclock.batches import write_batch
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
for patient, outputs in snakemake.params.preprocessed.items():
    raw = snakemake.params.raw[patient]
    run_step(
        partial(
            preprocess_patient,
            raw,
            patient=patient,
            b_value=snakemake.params.b_values[patient],
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
write_batch(snakemake.output.table, snakemake.params.preprocessed)
