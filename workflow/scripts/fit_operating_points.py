"""Fit each row's threshold, temperature and bands of abstention on the validation part.

Inputs: predictions, baselines, cohort, split.
Outputs: thresholds, temperatures, abstention (JSON).
Settings: evaluation.{threshold, fixed_threshold}, the phases' below_min.
"""

from strokeclock.evaluation.operating import fit_operating_points
from strokeclock.logs import log_to

log_to(snakemake.log[0])
fit_operating_points(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    thresholds=snakemake.output.thresholds,
    temperatures=snakemake.output.temperatures,
    abstention=snakemake.output.abstention,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
