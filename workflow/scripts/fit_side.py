"""Fit the rule that tells the lesion's side on the validation part."""

from strokeclock.job import run
from strokeclock.evaluation.side import fit_side

run(snakemake, fit_side)
