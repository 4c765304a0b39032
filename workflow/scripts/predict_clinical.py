"""Score the validation and the test patients by age, NIHSS and lesion volume.

Inputs: fitted (JSON), volumes, cohort, split.
Output: predictions (patient, hemisphere, part, label, score).
Settings: the phase's below_min.
"""

from strokeclock.baselines.clinical import predict_clinical
from strokeclock.logs import log_to

log_to(snakemake.log[0])
predict_clinical(
    snakemake.input.fitted,
    snakemake.output.predictions,
    volumes=snakemake.input.volumes,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    phase=snakemake.wildcards.phase,
    below_min=snakemake.params.below_min,
)
