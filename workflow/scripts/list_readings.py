"""List the readings of all patients of a sheet."""

from strokeclock.job import run
from strokeclock.reading.batch import list_readings

run(snakemake, list_readings)
