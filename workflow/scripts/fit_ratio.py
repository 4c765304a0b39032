"""Fit the lesion's relative signal intensity to the time since onset, on the training part."""

from strokeclock.baselines.ratio import fit_ratio
from strokeclock.job import run

run(snakemake, fit_ratio)
