"""Read a batch of external patients with a frozen bundle."""

from strokeclock.job import run
from strokeclock.reading.external import read_external_batch

run(snakemake, read_external_batch)
