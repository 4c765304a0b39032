"""Compare each reader's calls without and with the model."""

from strokeclock.job import run
from strokeclock.evaluation.assisted import write_readers

run(snakemake, write_readers)
