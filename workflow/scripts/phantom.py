"""Make a batch's phantom patients as scans in native space, and their truth, one after the other."""

from strokeclock.job import run
from strokeclock.phantom.patient import make_batch

run(snakemake, make_batch)
