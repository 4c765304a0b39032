"""Build the T2w MNI-152 atlas."""

from strokeclock.imaging.atlas import build_atlas
from strokeclock.job import run

run(snakemake, build_atlas)
