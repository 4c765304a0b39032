"""Look for FSL where the jobs run, and note its version."""

from strokeclock.imaging.fsl import find_fsl
from strokeclock.job import run

run(snakemake, find_fsl)
