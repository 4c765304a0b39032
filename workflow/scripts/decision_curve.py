"""Measure and draw the net benefit of treating by each row's score, against treating all, none, by readers.

Inputs: predictions, baselines, temperatures, cohort, split, exclusions, readers (may be absent).
Outputs: table, svg, png.
Settings: evaluation.{confidence, bootstraps}.
"""

from strokeclock.evaluation.decision import write_decision_curve
from strokeclock.figures.decision_curve import draw_decision_curve
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_decision_curve(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    snakemake.output.table,
    temperatures=snakemake.input.temperatures,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    exclusions=snakemake.input.exclusions,
    readers=snakemake.input.readers or None,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
save_figure(draw_decision_curve(snakemake.output.table), snakemake.output.svg, snakemake.output.png)
