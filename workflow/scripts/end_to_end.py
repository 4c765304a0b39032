"""Measure and draw the rows with the side that was found, beside the side that was given."""

from strokeclock.job import run
from strokeclock.evaluation.end_to_end import write_end_to_end
from strokeclock.figures.end_to_end import draw_end_to_end
from strokeclock.figures.style import save_figure

run(snakemake, write_end_to_end, draw_end_to_end, save=save_figure)
