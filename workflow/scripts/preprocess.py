"""Bring a batch's series onto the atlas grid, one patient after the other."""

from strokeclock.job import run
from strokeclock.imaging.chain import preprocess_batch

run(snakemake, preprocess_batch)
