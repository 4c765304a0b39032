"""Fit age, NIHSS and lesion volume to the time since onset, on the training part."""

from strokeclock.baselines.clinical import fit_clinical
from strokeclock.job import run

run(snakemake, fit_clinical)
