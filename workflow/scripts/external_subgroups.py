"""Measure and draw the performance in subgroups of external patients."""

from strokeclock.job import run
from strokeclock.evaluation.external.subgroups import write_external_subgroups
from strokeclock.figures.external.forest import draw_external_forest
from strokeclock.figures.style import save_figure

run(snakemake, write_external_subgroups, draw_external_forest, save=save_figure)
