"""Draw a batch's slices with outlines, numbers, verdict and what histogram matching did.

Inputs: preprocessed (table of files), checks (table of records), atlas_mask, reference. Output: table (of
the pictures). Params: pictures (patient -> picture, matching). Settings: preprocessing.intensity.
"""

from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging.quality_picture import picture_patient
from strokeclock.logs import log_to
from strokeclock.series import MATCHED

log_to(snakemake.log[0])
pictures = snakemake.params.pictures
checks = read_batches(snakemake.input.checks)
for patient, files in read_batches(snakemake.input.preprocessed, only=pictures).items():
    picture_patient(
        {name: file for name, file in files.items() if name in (*MATCHED, "brain_mask")},
        patient=patient,
        record=checks[patient]["record"],
        atlas_mask=snakemake.input.atlas_mask,
        reference=snakemake.input.reference,
        normalisation=snakemake.params.normalisation,
        clip=snakemake.params.clip,
        **pictures[patient],
    )
write_batch(snakemake.output.table, pictures)
