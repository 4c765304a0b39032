"""Turn every series to the axes of MNI-152 (fslreorient2std)."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import reorient
from strokeclock.job import run

run(snakemake, reorient, step=run_step)
