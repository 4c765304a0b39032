"""Bring a batch's lesions onto the atlas grid as drawn, or find them on DWI, one patient after the other.

Inputs: preprocessed (table of files); the drawn masks, and the series they were drawn on. Output: table (of
the lesions, uint8 NIfTI each). Params, each by patient: lesions (file), drawn (mask; None: none is drawn),
scans (the series it was drawn on; None: on the atlas grid), sides (as recorded).
"""

from functools import partial

from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging.exclusion import run_step
from strokeclock.logs import log_to
from strokeclock.segmentation.lesion import locate_lesion

log_to(snakemake.log[0])
lesions = snakemake.params.lesions
for patient, preprocessed in read_batches(snakemake.input.preprocessed, only=lesions).items():
    files = {"dwi": preprocessed["dwi"], "transform": preprocessed["t2w_to_atlas"]}
    output = lesions[patient]["lesion"]
    run_step(
        partial(
            locate_lesion,
            patient=patient,
            **files,
            drawn=snakemake.params.drawn[patient],
            scan=snakemake.params.scans[patient],
            side=snakemake.params.sides[patient],
            output=output,
        ),
        patient=patient,
        inputs=files.values(),
        outputs=[output],
    )
write_batch(snakemake.output.table, lesions)
