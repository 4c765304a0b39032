"""Fit the lesion's relative signal intensity to the time since onset, on the training part."""

from strokeclock.job import run
from strokeclock.baselines.ratio import fit_ratio

run(snakemake, fit_ratio)
