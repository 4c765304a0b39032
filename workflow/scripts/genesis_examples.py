"""Draw training hemispheres corrupted in each way, and restored by the network of phase 0."""

from strokeclock.job import run
from strokeclock.figures.genesis_examples import draw_genesis_examples
from strokeclock.figures.style import save_figure

run(snakemake, draw_genesis_examples, save=save_figure)
