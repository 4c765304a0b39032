"""Fit TSS to the ratios of cross-fitted lesion segmentations of the training part."""

from strokeclock.baselines.segmented import fit_segmented
from strokeclock.job import run

run(snakemake, fit_segmented)
