"""Divide the included patients into training, validation and test, or check the split that is given."""

from strokeclock.cohort.split import divide_cohort
from strokeclock.job import run

run(snakemake, divide_cohort)
