"""Measure and draw the net benefit of treating by each row's score, against all, none and by readers."""

from strokeclock.job import run
from strokeclock.evaluation.decision import write_decision_curve
from strokeclock.figures.decision_curve import draw_decision_curve
from strokeclock.figures.style import save_figure

run(snakemake, write_decision_curve, draw_decision_curve, save=save_figure)
