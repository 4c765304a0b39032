"""Average a network's scores with the segmented ratios' scores of the same patients."""

from strokeclock.job import run
from strokeclock.predictions import join_seeds

run(snakemake, join_seeds)
