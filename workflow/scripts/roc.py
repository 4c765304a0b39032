"""Draw Figure 6, 7 or 8: ROC curves of the scorers, with their AUCs or with the readers."""

from strokeclock.job import run
from strokeclock.figures.roc import draw_roc
from strokeclock.figures.style import save_figure

run(snakemake, draw_roc, save=save_figure)
