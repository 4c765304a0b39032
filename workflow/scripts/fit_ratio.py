"""Fit how bright the lesion is against the other hemisphere to the time since onset, on the training part."""

from strokeclock.baselines.ratio import fit_ratio
from strokeclock.job import run

run(snakemake, fit_ratio)
