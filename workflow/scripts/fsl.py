"""Find FSL on the machine that runs the jobs, and record its version."""

from strokeclock.imaging.fsl import find_fsl
from strokeclock.job import run

run(snakemake, find_fsl)
