"""Print Table 1 for reading."""

from strokeclock.job import run
from strokeclock.figures.printed_tables import set_table1
from strokeclock.figures.typeset import print_table

run(snakemake, set_table1, save=print_table)
