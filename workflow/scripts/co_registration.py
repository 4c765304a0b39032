"""Register the other series to the T2w by FLIRT and carry all of them to the atlas grid."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import co_register
from strokeclock.job import run

run(snakemake, co_register, step=run_step)
