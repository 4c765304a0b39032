"""List the files that the FSL toolchain wrote for a batch's patients."""

from strokeclock.batches import write_batch
from strokeclock.job import run

run(snakemake, write_batch)
