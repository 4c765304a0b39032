"""Check the cohort sheet; write the patients who enter and those who are excluded."""

from strokeclock.job import run
from strokeclock.cohort.sheet import check_sheet

run(snakemake, check_sheet)
