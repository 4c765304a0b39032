"""List the patients' lesion volumes, and the reason where there is none."""

from strokeclock.job import run
from strokeclock.segmentation.lesion import write_volumes

run(snakemake, write_volumes)
