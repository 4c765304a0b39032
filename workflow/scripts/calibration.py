"""Measure and draw how well each row's scores are calibrated, as predicted and temperature-scaled.

Inputs: predictions, baselines, temperatures, cohort, split. Outputs: table, reliability (its bins), svg, png.
Settings: evaluation.{confidence, bootstraps}.
"""

from strokeclock.evaluation.calibration import write_calibration
from strokeclock.figures.calibration import draw_calibration
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
tables = snakemake.output.table, snakemake.output.reliability
write_calibration(
    [*snakemake.input.predictions, *snakemake.input.baselines],
    *tables,
    temperatures=snakemake.input.temperatures,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    settings=snakemake.params.settings,
    tasks=snakemake.params.tasks,
)
save_figure(draw_calibration(*tables), snakemake.output.svg, snakemake.output.png)
