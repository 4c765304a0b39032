"""Register the stripped T2w to the T2w MNI-152 atlas by FLIRT."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import register_to_atlas
from strokeclock.job import run

run(snakemake, register_to_atlas, step=run_step)
