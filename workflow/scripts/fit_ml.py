"""Choose a classifier of the infarct cores' features by cross-validation on training and validation parts.

Inputs: features, cohort, split.
Outputs: fitted (JSON), cross_validated (TSV: patient, score of whom it was learned from).
Settings: the phase's below_min.
"""

from strokeclock.baselines.radiomics.classifier import fit_ml
from strokeclock.logs import log_to

log_to(snakemake.log[0])
fit_ml(
    snakemake.input.features,
    snakemake.output.fitted,
    cross_validated=snakemake.output.cross_validated,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    phase=snakemake.wildcards.phase,
    below_min=snakemake.params.below_min,
)
