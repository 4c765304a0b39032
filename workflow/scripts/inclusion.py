"""Gather every patient's checks; list the excluded patients and the reasons."""

from strokeclock.imaging.quality_record import write_tables
from strokeclock.job import run

run(snakemake, write_tables)
