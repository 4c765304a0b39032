"""Take another run's histogram reference, to which all patients are matched."""

from strokeclock.job import run
from strokeclock.imaging.reference import adopt_reference

run(snakemake, adopt_reference)
