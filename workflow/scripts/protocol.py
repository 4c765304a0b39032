"""Write how each patient's series were acquired."""

from strokeclock.job import run
from strokeclock.cohort.protocol import write_protocol

run(snakemake, write_protocol)
