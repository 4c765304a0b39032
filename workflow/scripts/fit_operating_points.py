"""Fit each row's threshold, temperature and bands of abstention on the validation part."""

from strokeclock.evaluation.operating import fit_operating_points
from strokeclock.job import run

run(snakemake, fit_operating_points)
