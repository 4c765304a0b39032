"""Write sensitivity at a wanted specificity, and specificity at a wanted sensitivity."""

from strokeclock.job import run
from strokeclock.evaluation.wanted_rates import write_wanted_rates

run(snakemake, write_wanted_rates)
