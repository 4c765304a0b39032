"""Normalise and match patients' series, and split them into hemispheres, one after the other.

Inputs, a file each a patient: record, brain_mask, and of each channel (t2w, dwi, flair, adc);
reference. Output: hemispheres (npy each).
Settings: models.channels, preprocessing.intensity.
"""

from functools import partial

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
channels = snakemake.params.channels
for i, patient in enumerate(snakemake.params.patients):
    files = {name: snakemake.input[name][i] for name in (*channels, "brain_mask")}
    output = snakemake.output.hemispheres[i]
    run_step(
        partial(
            halve_patient,
            files,
            patient=patient,
            record=snakemake.input.record[i],
            reference=snakemake.input.reference,
            output=output,
            channels=channels,
            normalisation=snakemake.params.normalisation,
            clip=snakemake.params.clip,
            percentiles=snakemake.params.percentiles,
        ),
        patient=patient,
        inputs=files.values(),
        outputs=[output],
    )
