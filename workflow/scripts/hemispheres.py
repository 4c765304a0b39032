"""Normalise and match a batch's series, and split them into hemispheres, one patient after the other."""

from strokeclock.job import run
from strokeclock.imaging.hemispheres import halve_batch

run(snakemake, halve_batch)
