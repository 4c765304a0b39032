"""Check the cohort sheet; write the patients who enter and those who are excluded."""

from strokeclock.cohort.sheet import check_sheet
from strokeclock.job import run

run(snakemake, check_sheet)
