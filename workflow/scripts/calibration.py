"""Measure and draw how well each row's scores are calibrated, as predicted and temperature-scaled."""

from strokeclock.job import run
from strokeclock.evaluation.calibration import write_calibration
from strokeclock.figures.calibration import draw_calibration
from strokeclock.figures.style import save_figure

run(snakemake, write_calibration, draw_calibration, save=save_figure)
