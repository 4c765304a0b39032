"""Bring patients' lesions onto the atlas grid as drawn, or find them on DWI, one after the other.

Inputs, a file each a patient: dwi and transform (t2w_to_atlas) of preprocessed; the drawn masks, and the
series they were drawn on. Output: lesion (uint8 NIfTI each). Settings: which patients, their masks (None:
none drawn) and scans (None: drawn on the atlas grid), the recorded sides.
"""

from functools import partial

from strokeclock.imaging.exclusion import run_step
from strokeclock.logs import log_to
from strokeclock.segmentation.lesion import locate_lesion

log_to(snakemake.log[0])
for i, patient in enumerate(snakemake.params.patients):
    files = {name: snakemake.input[name][i] for name in ("dwi", "transform")}
    output = snakemake.output.lesion[i]
    run_step(
        partial(
            locate_lesion,
            patient=patient,
            **files,
            drawn=snakemake.params.drawn[i],
            scan=snakemake.params.scans[i],
            side=snakemake.params.sides[i],
            output=output,
        ),
        patient=patient,
        inputs=files.values(),
        outputs=[output],
    )
