"""Fit each row's threshold, temperature and bands of abstention on the validation part."""

from strokeclock.job import run
from strokeclock.evaluation.operating import fit_operating_points

run(snakemake, fit_operating_points)
