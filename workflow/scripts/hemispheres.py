"""Normalise and match one patient's series, and split them into hemispheres.

Input: record, t2w, dwi, flair, brain_mask, reference. Output: hemispheres (npy).
Settings: preprocessing.intensity.
"""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
files = {name: snakemake.input[name] for name in ("t2w", "dwi", "flair", "brain_mask")}
run_step(
    lambda: halve_patient(
        files,
        patient=snakemake.wildcards.patient,
        record=snakemake.input.record,
        reference=snakemake.input.reference,
        output=snakemake.output.hemispheres,
        normalisation=snakemake.params.normalisation,
        clip=snakemake.params.clip,
        percentiles=snakemake.params.percentiles,
    ),
    patient=snakemake.wildcards.patient,
    inputs=files.values(),
    outputs=snakemake.output,
)
