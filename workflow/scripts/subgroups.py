"""Measure and draw each TSS < 4.5 h row of Table 2 in groups of patients."""

from strokeclock.job import run
from strokeclock.evaluation.subgroups import write_subgroups
from strokeclock.figures.style import save_figure
from strokeclock.figures.subgroups import draw_subgroups

run(snakemake, write_subgroups, draw_subgroups, save=save_figure)
