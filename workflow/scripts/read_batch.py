"""Read a batch's patients with a bundle, one after the other."""

from strokeclock.job import run
from strokeclock.reading.batch import read_batch

run(snakemake, read_batch)
