"""Measure and draw what the networks gain where they may leave doubtful patients to people.

Inputs: predictions, baselines, abstention, cohort, split. Outputs: table, svg, png.
Settings: evaluation.confidence.
"""

from strokeclock.evaluation.abstention import write_abstention
from strokeclock.figures.abstention import draw_abstention
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_abstention(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output.table,
    abstention=snakemake.input.abstention,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
save_figure(draw_abstention(snakemake.output.table), snakemake.output.svg, snakemake.output.png)
