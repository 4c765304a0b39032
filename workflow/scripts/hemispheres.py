"""Normalise and match a batch's series, and split them into hemispheres, one patient after the other.

Inputs: preprocessed (table of files), checks (table of records), reference. Output: table (of the
hemispheres). Params: hemispheres (patient -> file). Settings: models.channels, preprocessing.intensity.
"""

from functools import partial

from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
hemispheres, channels = snakemake.params.hemispheres, snakemake.params.channels
checks = read_batches(snakemake.input.checks)
for patient, preprocessed in read_batches(snakemake.input.preprocessed, only=hemispheres).items():
    files = {name: preprocessed[name] for name in (*channels, "brain_mask")}
    output = hemispheres[patient]["hemispheres"]
    run_step(
        partial(
            halve_patient,
            files,
            patient=patient,
            record=checks[patient]["record"],
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
write_batch(snakemake.output.table, hemispheres)
