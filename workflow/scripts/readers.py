"""Compare each reader's calls without and with the model."""

from strokeclock.evaluation.assisted import write_readers
from strokeclock.job import run

run(snakemake, write_readers)
