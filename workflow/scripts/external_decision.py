"""Write and draw the net benefit of a frozen bundle on external patients."""

from strokeclock.job import run
from strokeclock.evaluation.external.decision import write_external_decision
from strokeclock.figures.external.decision_curve import draw_external_decision_curve
from strokeclock.figures.style import save_figure

run(snakemake, write_external_decision, draw_external_decision_curve, save=save_figure)
