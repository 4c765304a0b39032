"""Count and draw the patients from entry to each analysis."""

from strokeclock.job import run
from strokeclock.evaluation.flow import write_flow
from strokeclock.figures.flow import draw_flow
from strokeclock.figures.style import save_figure

run(snakemake, write_flow, draw_flow, save=save_figure)
