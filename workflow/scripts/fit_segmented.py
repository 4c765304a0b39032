"""Fit TSS to the ratios of cross-fitted lesion segmentations of the training part."""

from strokeclock.job import run
from strokeclock.baselines.segmented import fit_segmented

run(snakemake, fit_segmented)
