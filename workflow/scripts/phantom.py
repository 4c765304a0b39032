"""Make a batch's phantom patients as a scanner would give them, and the truth beside, one after the other."""

from strokeclock.job import run
from strokeclock.phantom.patient import make_batch

run(snakemake, make_batch)
