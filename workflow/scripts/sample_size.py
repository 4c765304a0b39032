"""Write what the size of the test part allows."""

from strokeclock.evaluation.sample_size import write_sample_size
from strokeclock.job import run

run(snakemake, write_sample_size)
