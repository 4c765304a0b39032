"""Measure and draw each TSS < 4.5 h row of Table 2 in groups of patients.

Inputs: predictions, baselines, thresholds, cohort, split, volumes (of the lesions). Outputs: table, svg, png.
Settings: evaluation.confidence.
"""

from strokeclock.evaluation.subgroups import write_subgroups
from strokeclock.figures.style import save_figure
from strokeclock.figures.subgroups import draw_subgroups
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_subgroups(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output.table,
    thresholds=snakemake.input.thresholds,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
save_figure(draw_subgroups(snakemake.output.table), snakemake.output.svg, snakemake.output.png)
