"""Draw Figure 4: the networks as built."""

from strokeclock.job import run
from strokeclock.figures.networks import draw_networks
from strokeclock.figures.style import save_figure

run(snakemake, draw_networks, save=save_figure)
