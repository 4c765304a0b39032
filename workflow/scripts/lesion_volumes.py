"""List the patients' lesion volumes, and who has none and why.

Inputs, a file each a patient: lesions, transforms (t2w_to_atlas). Output: volumes (TSV).
Settings: which patients, and whether their lesions were drawn.
"""

from strokeclock.logs import log_to
from strokeclock.segmentation.lesion import write_volumes

log_to(snakemake.log[0])
patients = snakemake.params.patients
write_volumes(
    dict(zip(patients, snakemake.input.lesions, strict=True)),
    snakemake.output.volumes,
    transforms=dict(zip(patients, snakemake.input.transforms, strict=True)),
    drawn=dict(zip(patients, snakemake.params.drawn, strict=True)),
)
