"""Find patients' infarct cores and compute the features of those that are large enough.

Inputs, a file each a patient: adc, dwi, flair, brain_mask, transform; cohort.
Outputs: region (NIfTI each), features (TSV, a row a patient; why a region is not usable).
Settings: evaluation.radiomics.
"""

import csv

from strokeclock.baselines.radiomics.features import SERIES, measure_patient
from strokeclock.baselines.radiomics.table import write_features
from strokeclock.logs import log_to

log_to(snakemake.log[0])
with open(snakemake.input.cohort, newline="") as table:
    side = {row["patient"]: row["lesion_side"] for row in csv.DictReader(table, delimiter="\t")}
measured = [
    measure_patient(
        patient=patient,
        series={name: snakemake.input[name][i] for name in ("adc", *SERIES)},
        brain_mask=snakemake.input.brain_mask[i],
        transform=snakemake.input.transform[i],
        side=side[patient] or "both",
        region=snakemake.output.region[i],
        **snakemake.params.settings,
    )
    for i, patient in enumerate(snakemake.params.patients)
]
write_features(measured, snakemake.output.features)
