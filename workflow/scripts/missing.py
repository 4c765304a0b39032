"""Write what is missing, and what is done about it."""

from strokeclock.job import run
from strokeclock.evaluation.missing import write_missing

run(snakemake, write_missing)
