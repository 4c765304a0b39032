"""Write the protocols of each series and scanner."""

from strokeclock.evaluation.protocols import write_protocol_table
from strokeclock.job import run

run(snakemake, write_protocol_table)
