"""Draw Figure 5: the phases of training."""

from strokeclock.job import run
from strokeclock.figures.phases import draw_phases
from strokeclock.figures.style import save_figure

run(snakemake, draw_phases, save=save_figure)
