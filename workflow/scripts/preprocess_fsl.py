"""List the files that the FSL toolchain has left of a batch's patients."""

from strokeclock.batches import write_batch
from strokeclock.job import run

run(snakemake, write_batch)
