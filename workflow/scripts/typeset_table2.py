"""Print Table 2 for reading, with the paper's values."""

from strokeclock.job import run
from strokeclock.figures.printed_tables import set_table2
from strokeclock.figures.typeset import print_table

run(snakemake, set_table2, save=print_table)
