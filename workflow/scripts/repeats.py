"""Summarise and draw the rows of Table 2 over repeated splits."""

from strokeclock.job import run
from strokeclock.evaluation.repeats import write_repeats
from strokeclock.figures.repeats import draw_repeats
from strokeclock.figures.style import save_figure

run(snakemake, write_repeats, draw_repeats, save=save_figure)
