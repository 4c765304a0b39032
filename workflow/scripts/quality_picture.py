"""Draw one patient's slices with outlines, numbers, verdict and what histogram matching did.

Input: record, t2w, dwi, flair, brain_mask, atlas_mask, reference. Output: picture (PNG), matching (JSON).
Settings: preprocessing.intensity.
"""

from strokeclock.imaging.quality_picture import picture_patient
from strokeclock.logs import log_to

log_to(snakemake.log[0])
picture_patient(
    {name: snakemake.input[name] for name in ("t2w", "dwi", "flair", "brain_mask")},
    patient=snakemake.wildcards.patient,
    record=snakemake.input.record,
    atlas_mask=snakemake.input.atlas_mask,
    reference=snakemake.input.reference,
    picture=snakemake.output.picture,
    matching=snakemake.output.matching,
    normalisation=snakemake.params.normalisation,
    clip=snakemake.params.clip,
)
