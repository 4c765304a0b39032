"""Write what the size of the test part allows."""

from strokeclock.job import run
from strokeclock.evaluation.sample_size import write_sample_size

run(snakemake, write_sample_size)
