"""Draw a batch's slices with outlines, numbers, verdict and the histograms before and after matching."""

from strokeclock.job import run
from strokeclock.imaging.quality_picture import picture_batch

run(snakemake, picture_batch)
