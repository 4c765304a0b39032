"""Make a batch's phantom patients directly on the atlas grid, and their truth."""

from strokeclock.job import run
from strokeclock.phantom.registered import make_registered_batch

run(snakemake, make_registered_batch)
