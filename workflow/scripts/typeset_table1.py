"""Print Table 1 for reading.

Input: table (table1.csv). Outputs: html, tex, png.
"""

from strokeclock.figures.printed_tables import set_table1
from strokeclock.figures.typeset import print_table
from strokeclock.logs import log_to

log_to(snakemake.log[0])
print_table(set_table1(snakemake.input.table), snakemake.output)
