"""Measure a frozen bundle on external patients, and draw its calibration."""

from strokeclock.job import run
from strokeclock.evaluation.external.performance import write_external
from strokeclock.figures.external.calibration import draw_external_calibration
from strokeclock.figures.style import save_figure

run(snakemake, write_external, draw_external_calibration, save=save_figure)
