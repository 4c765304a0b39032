"""Write Table 2: every row of the paper's, with counts and intervals, the paper's values beside."""

from strokeclock.evaluation.table2 import write_table2
from strokeclock.job import run

run(snakemake, write_table2)
