"""Strip neck and skull by BET."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import strip_skull
from strokeclock.job import run

run(snakemake, strip_skull, step=run_step)
