"""Score the patients by the chosen classifier of the infarct cores' features.

Inputs: fitted (JSON), cross_validated (scores of whom it was learned from), features, cohort, split.
Outputs: predictions (patient, hemisphere, part, label, score), record (JSON: what was chosen).
Settings: the phase's below_min.
"""

from strokeclock.baselines.radiomics.classifier import predict_ml
from strokeclock.logs import log_to

log_to(snakemake.log[0])
predict_ml(
    snakemake.input.fitted,
    snakemake.input.features,
    snakemake.output.predictions,
    cross_validated=snakemake.input.cross_validated,
    record=snakemake.output.record,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    phase=snakemake.wildcards.phase,
    below_min=snakemake.params.below_min,
)
