"""Draw patients' slices with outlines, numbers, verdict and what histogram matching did, one after the other.

Inputs, a file each a patient: record, t2w, dwi, flair, brain_mask; atlas_mask, reference.
Outputs: picture (PNG each), matching (JSON each). Settings: preprocessing.intensity.
"""

from strokeclock.imaging.quality_picture import picture_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
for i, patient in enumerate(snakemake.params.patients):
    picture_patient(
        {name: snakemake.input[name][i] for name in ("t2w", "dwi", "flair", "brain_mask")},
        patient=patient,
        record=snakemake.input.record[i],
        atlas_mask=snakemake.input.atlas_mask,
        reference=snakemake.input.reference,
        picture=snakemake.output.picture[i],
        matching=snakemake.output.matching[i],
        normalisation=snakemake.params.normalisation,
        clip=snakemake.params.clip,
    )
