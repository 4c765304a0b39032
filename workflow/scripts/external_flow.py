"""Write and draw what became of each external patient."""

from strokeclock.job import run
from strokeclock.evaluation.external.flow import write_external_flow
from strokeclock.figures.external.flow import draw_external_flow
from strokeclock.figures.style import save_figure

run(snakemake, write_external_flow, draw_external_flow, save=save_figure)
