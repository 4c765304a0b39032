"""Make a batch's phantom patients straight on the atlas grid, and the truth beside."""

from strokeclock.job import run
from strokeclock.phantom.registered import make_registered_batch

run(snakemake, make_registered_batch)
