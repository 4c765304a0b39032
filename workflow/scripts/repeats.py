"""Summarise and draw the rows of Table 2 over repeated splits."""

from strokeclock.evaluation.repeats import write_repeats
from strokeclock.figures.repeats import draw_repeats
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, write_repeats, draw_repeats, save=save_figure)
