"""Gather every patient's checks and say who leaves, and why."""

from strokeclock.imaging.quality_record import write_tables
from strokeclock.job import run

run(snakemake, write_tables)
