"""Draw the time from onset to MRI in each part."""

from strokeclock.job import run
from strokeclock.figures.onset import draw_onset
from strokeclock.figures.style import save_figure

run(snakemake, draw_onset, save=save_figure)
