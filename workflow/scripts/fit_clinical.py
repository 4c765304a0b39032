"""Fit age, NIHSS and lesion volume to the time since onset, on the training part.

Inputs: volumes, cohort, split.
Output: fitted (JSON).
Settings: the phase's below_min.
"""

from strokeclock.baselines.clinical import fit_clinical
from strokeclock.logs import log_to

log_to(snakemake.log[0])
fit_clinical(
    snakemake.output.fitted,
    volumes=snakemake.input.volumes,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    phase=snakemake.wildcards.phase,
    below_min=snakemake.params.below_min,
)
