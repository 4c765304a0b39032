"""Take the intensity landmarks of one training patient, to which all others are matched.

Inputs: split, exclusions, preprocessed (tables of files). Output: reference (npz).
Settings: preprocessing.intensity.
"""

from strokeclock.batches import read_batches
from strokeclock.imaging.reference import learn_reference
from strokeclock.logs import log_to
from strokeclock.series import MATCHED

log_to(snakemake.log[0])
learn_reference(
    {
        patient: {name: file for name, file in files.items() if name in (*MATCHED, "brain_mask")}
        for patient, files in read_batches(snakemake.input.preprocessed).items()
    },
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    output=snakemake.output.reference,
    normalisation=snakemake.params.normalisation,
    clip=snakemake.params.clip,
    match_points=snakemake.params.match_points,
)
