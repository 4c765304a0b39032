"""Write Table 2: every row of the paper's, with counts, intervals and the paper's values."""

from strokeclock.job import run
from strokeclock.evaluation.table2 import write_table2

run(snakemake, write_table2)
