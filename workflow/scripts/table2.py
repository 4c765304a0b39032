"""Write Table 2: every row of the paper's, with counts and intervals, the paper's values beside.

Inputs: predictions, baselines, thresholds, paper (its values), cohort, split, exclusions, readers (optional).
Outputs: table (table2.csv), ledger (of looks at the test part; lines are only added).
Settings: evaluation.{confidence, bootstraps}, recipe.
"""

from strokeclock.evaluation.table2 import write_table2
from strokeclock.logs import log_to
from strokeclock.predictions import Arm

log_to(snakemake.log[0])
write_table2(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output.table,
    ledger=snakemake.output.ledger,
    paper=snakemake.input.paper,
    thresholds=snakemake.input.thresholds,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    readers=snakemake.input.readers or None,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
    recipe=snakemake.params.recipe,
    not_run={Arm(*arm): reason for *arm, reason in snakemake.params.not_run},
)
