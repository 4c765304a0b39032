"""Write Table 1, the demographics of the parts."""

from strokeclock.job import run
from strokeclock.cohort.demographics import write_table1

run(snakemake, write_table1)
