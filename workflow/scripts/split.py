"""Divide the included patients into training, validation and test, or check the split that is given."""

from strokeclock.job import run
from strokeclock.cohort.split import divide_cohort

run(snakemake, divide_cohort)
