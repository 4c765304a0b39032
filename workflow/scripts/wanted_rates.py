"""Write sensitivity at a wanted specificity, and specificity at a wanted sensitivity."""

from strokeclock.evaluation.wanted_rates import write_wanted_rates
from strokeclock.job import run

run(snakemake, write_wanted_rates)
