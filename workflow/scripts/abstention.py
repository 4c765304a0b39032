"""Measure and draw what the networks gain where they may leave doubtful patients to people."""

from strokeclock.evaluation.abstention import write_abstention
from strokeclock.figures.abstention import draw_abstention
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, write_abstention, draw_abstention, save=save_figure)
