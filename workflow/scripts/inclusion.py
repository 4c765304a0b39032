"""Gather every patient's checks; list the excluded patients and the reasons."""

from strokeclock.job import run
from strokeclock.imaging.quality_record import write_tables

run(snakemake, write_tables)
