"""Strip what the first BET left from the registered T2w; its mask is the brain mask of every series."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import strip_again
from strokeclock.job import run

run(snakemake, strip_again, step=run_step)
