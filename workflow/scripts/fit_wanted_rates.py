"""Choose on the validation part the threshold of each row for each wanted rate."""

from strokeclock.job import run
from strokeclock.evaluation.wanted_rates import fit_wanted_rates

run(snakemake, fit_wanted_rates)
