"""Find FSL on the machine that runs the jobs, and record its version."""

from strokeclock.job import run
from strokeclock.imaging.fsl import find_fsl

run(snakemake, find_fsl)
