"""Join the phantom patients' records to a cohort sheet and a reader sheet, their truths to another table."""

from strokeclock.job import run
from strokeclock.phantom.sheet import join_phantoms

run(snakemake, join_phantoms)
