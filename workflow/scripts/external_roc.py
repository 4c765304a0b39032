"""Draw the ROC curves of external patients."""

from strokeclock.figures.external.roc import draw_external_roc
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, draw_external_roc, save=save_figure)
