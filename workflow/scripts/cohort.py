"""Check the cohort sheet and write who enters and who does not."""

from strokeclock.cohort.sheet import check_sheet
from strokeclock.job import run

run(snakemake, check_sheet)
