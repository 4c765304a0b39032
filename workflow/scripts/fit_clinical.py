"""Fit age, NIHSS and lesion volume to the time since onset, on the training part."""

from strokeclock.job import run
from strokeclock.baselines.clinical import fit_clinical

run(snakemake, fit_clinical)
