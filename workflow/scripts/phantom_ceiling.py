"""Measure how well an ideal observer could tell the time since onset from the phantom's lesions."""

from strokeclock.job import run
from strokeclock.phantom.ceiling import measure_ceiling, write_ceiling

run(snakemake, measure_ceiling, save=write_ceiling)
