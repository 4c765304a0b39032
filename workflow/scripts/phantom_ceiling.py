"""Measure the practical ceiling of the phantoms: the AUC of the best observer of one ratio a series."""

from strokeclock.job import run
from strokeclock.phantom.ceiling import measure_ceiling, write_ceiling

run(snakemake, measure_ceiling, save=write_ceiling)
