"""Bring a batch's series onto the atlas grid, one patient after the other."""

from strokeclock.imaging.chain import preprocess_batch
from strokeclock.job import run

run(snakemake, preprocess_batch)
