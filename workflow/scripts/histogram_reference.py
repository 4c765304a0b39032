"""Take the intensity landmarks of one training patient, to which all others are matched.

Inputs: split, exclusions, preprocessed (tables of files). Output: reference (npz).
Settings: preprocessing.intensity.
"""

from strokeclock.batches import read_batches
from strokeclock.imaging.reference import learn_reference
from strokeclock.logs import log_to

log_to(snakemake.log[0])
names = ("t2w", "dwi", "flair", "brain_mask")
learn_reference(
    {
        patient: {name: files[name] for name in names}
        for patient, files in read_batches(snakemake.input.preprocessed).items()
    },
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    output=snakemake.output.reference,
    normalisation=snakemake.params.normalisation,
    clip=snakemake.params.clip,
    match_points=snakemake.params.match_points,
)
