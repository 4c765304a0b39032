"""Draw the time from onset to MRI in each part."""

from strokeclock.figures.onset import draw_onset
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, draw_onset, save=save_figure)
