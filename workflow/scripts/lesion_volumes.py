"""List the patients' lesion volumes, and who has none and why."""

from strokeclock.job import run
from strokeclock.segmentation.lesion import write_volumes

run(snakemake, write_volumes)
