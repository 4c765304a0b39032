"""Normalise and match patients' series, and split them into hemispheres, one after the other.

Inputs, a file each a patient: record, t2w, dwi, flair, brain_mask; reference. Output: hemispheres (npy each).
Settings: preprocessing.intensity.
"""

from functools import partial

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
for i, patient in enumerate(snakemake.params.patients):
    files = {name: snakemake.input[name][i] for name in ("t2w", "dwi", "flair", "brain_mask")}
    output = snakemake.output.hemispheres[i]
    run_step(
        partial(
            halve_patient,
            files,
            patient=patient,
            record=snakemake.input.record[i],
            reference=snakemake.input.reference,
            output=output,
            normalisation=snakemake.params.normalisation,
            clip=snakemake.params.clip,
            percentiles=snakemake.params.percentiles,
        ),
        patient=patient,
        inputs=files.values(),
        outputs=[output],
    )
