"""Print Table 2 for reading, the paper's values beside.

Input: table (table2.csv). Outputs: html, tex, png.
Setting: evaluation.confidence, of the intervals.
"""

from strokeclock.figures.printed_tables import set_table2
from strokeclock.figures.typeset import print_table
from strokeclock.logs import log_to

log_to(snakemake.log[0])
print_table(set_table2(snakemake.input.table, confidence=snakemake.params.confidence), snakemake.output)
