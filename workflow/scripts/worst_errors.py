"""Write and draw the worst errors of the best row for TSS < 4.5 h."""

from strokeclock.job import run
from strokeclock.evaluation.worst_errors import write_worst_errors
from strokeclock.figures.style import save_figure
from strokeclock.figures.worst_errors import draw_worst_errors

run(snakemake, write_worst_errors, draw_worst_errors, save=save_figure)
