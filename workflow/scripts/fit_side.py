"""Fit the rule that tells the lesion's side on the validation part."""

from strokeclock.evaluation.side import fit_side
from strokeclock.job import run

run(snakemake, fit_side)
