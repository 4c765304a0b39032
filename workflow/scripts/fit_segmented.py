"""Fit the segmented lesion's relative signal intensity to the time since onset, on the training part."""

from strokeclock.baselines.segmented import fit_segmented
from strokeclock.job import run

run(snakemake, fit_segmented)
