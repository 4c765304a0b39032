"""Measure the highest AUC of TSS that the phantoms' lesions allow, that of an ideal observer."""

from strokeclock.job import run
from strokeclock.phantom.ceiling import measure_ceiling, write_ceiling

run(snakemake, measure_ceiling, save=write_ceiling)
