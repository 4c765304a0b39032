"""Find a batch's infarct cores and compute the features of those that are large enough.

Inputs: preprocessed (table of files), cohort. Outputs: features (TSV, a row a patient; why a region is not
usable), table (of the regions). Params: regions (patient -> file), sides (patient -> side, as the sheet has
it; none of phantoms). Settings: evaluation.radiomics.
"""

from strokeclock.baselines.radiomics.features import SERIES, measure_patient
from strokeclock.baselines.radiomics.table import write_features
from strokeclock.batches import read_batches, write_batch
from strokeclock.cohort.sheet import read_sides
from strokeclock.logs import log_to
from strokeclock.series import BOTH

log_to(snakemake.log[0])
regions = snakemake.params.regions
sides = snakemake.params.sides or read_sides(snakemake.input.cohort)
measured = [
    measure_patient(
        patient=patient,
        series={name: files[name] for name in ("adc", *SERIES)},
        brain_mask=files["brain_mask"],
        transform=files["t2w_to_atlas"],
        side=sides[patient] or BOTH,
        region=regions[patient]["region"],
        **snakemake.params.settings,
    )
    for patient, files in read_batches(snakemake.input.preprocessed, only=regions).items()
]
write_features(measured, snakemake.output.features)
write_batch(snakemake.output.table, regions)
