"""Bring a batch's series onto the atlas grid with the open toolchain, one patient after the other."""

from strokeclock.imaging.open_chain import preprocess_batch
from strokeclock.job import run

run(snakemake, preprocess_batch)
