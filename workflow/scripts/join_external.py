"""Join the readings of all external patients."""

from strokeclock.job import run
from strokeclock.reading.external import join_external

run(snakemake, join_external)
