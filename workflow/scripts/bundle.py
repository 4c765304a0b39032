"""Export the run's bundle."""

from strokeclock.job import run
from strokeclock.reading.export import export_bundle

run(snakemake, export_bundle)
