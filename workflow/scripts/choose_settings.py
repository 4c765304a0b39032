"""Choose the candidate with the highest validation AUC."""

from strokeclock.job import run
from strokeclock.training.search import choose_settings

run(snakemake, choose_settings)
