"""Draw the training curves of one network, phase and start, all seeds in one picture."""

from strokeclock.job import run
from strokeclock.figures.style import save_figure
from strokeclock.figures.training_curves import draw_training_curves

run(snakemake, draw_training_curves, save=save_figure)
