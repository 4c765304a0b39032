"""Draw Figure 6, 7 or 8: ROC curves of the scorers, with their AUCs or with the readers."""

from strokeclock.figures.roc import draw_roc
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, draw_roc, save=save_figure)
