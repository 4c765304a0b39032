"""Write how each patient's series were acquired."""

from strokeclock.cohort.protocol import write_protocol
from strokeclock.job import run

run(snakemake, write_protocol)
