"""Measure and draw the networks' results with abstention."""

from strokeclock.job import run
from strokeclock.evaluation.abstention import write_abstention
from strokeclock.figures.abstention import draw_abstention
from strokeclock.figures.style import save_figure

run(snakemake, write_abstention, draw_abstention, save=save_figure)
