"""Draw the ROC curves of external patients."""

from strokeclock.job import run
from strokeclock.figures.external.roc import draw_external_roc
from strokeclock.figures.style import save_figure

run(snakemake, draw_external_roc, save=save_figure)
