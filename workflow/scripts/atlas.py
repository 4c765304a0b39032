"""Build the T2w MNI-152 atlas."""

from strokeclock.job import run
from strokeclock.imaging.atlas import build_atlas

run(snakemake, build_atlas)
