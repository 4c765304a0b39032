"""Compare rows of Table 2 with each other, and networks with readers, on the same test patients.

Inputs: predictions, baselines, thresholds, cohort, split, exclusions, readers (may be absent). Output: table.
Settings: evaluation.{confidence, bootstraps}.
"""

from strokeclock.evaluation.comparison import write_comparisons
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_comparisons(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output.table,
    thresholds=snakemake.input.thresholds,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    readers=snakemake.input.readers or None,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
