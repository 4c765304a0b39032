"""Bring a batch's lesions onto the atlas grid as drawn, or find them on DWI, one patient after the other."""

from strokeclock.job import run
from strokeclock.segmentation.lesion import locate_lesions

run(snakemake, locate_lesions)
