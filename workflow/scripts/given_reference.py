"""Take another run's histogram reference, to which all patients are matched."""

from strokeclock.imaging.reference import adopt_reference
from strokeclock.job import run

run(snakemake, adopt_reference)
