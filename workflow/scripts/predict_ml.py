"""Choose a classifier of the infarct cores' features by cross-validation; score the patients.

Inputs: features, cohort, split.
Outputs: predictions (patient, hemisphere, part, label, score), record (JSON: what was chosen).
Settings: the phase's below_min.
"""

from strokeclock.baselines.radiomics.classifier import predict_ml
from strokeclock.logs import log_to

log_to(snakemake.log[0])
predict_ml(
    snakemake.input.features,
    snakemake.output.predictions,
    record=snakemake.output.record,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    below_min=snakemake.params.below_min,
)
