"""Write what is missing, and what is done about it."""

from strokeclock.evaluation.missing import write_missing
from strokeclock.job import run

run(snakemake, write_missing)
