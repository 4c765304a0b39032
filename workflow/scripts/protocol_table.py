"""Write the protocols of each series and scanner."""

from strokeclock.job import run
from strokeclock.evaluation.protocols import write_protocol_table

run(snakemake, write_protocol_table)
