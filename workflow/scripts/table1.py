"""Write Table 1, the demographics of the parts."""

from strokeclock.cohort.demographics import write_table1
from strokeclock.job import run

run(snakemake, write_table1)
