"""Take the intensity landmarks of one training patient, to which all others are matched.

Input: split, exclusions, t2w, dwi, flair, brain_mask (of every patient). Output: reference (npz).
Settings: preprocessing.intensity.
"""

from strokeclock.imaging.reference import learn_reference
from strokeclock.logs import log_to

log_to(snakemake.log[0])
names = ("t2w", "dwi", "flair", "brain_mask")
learn_reference(
    {
        patient: {name: snakemake.input[name][i] for name in names}
        for i, patient in enumerate(snakemake.params.patients)
    },
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    output=snakemake.output.reference,
    normalisation=snakemake.params.normalisation,
    clip=snakemake.params.clip,
    match_points=snakemake.params.match_points,
)
