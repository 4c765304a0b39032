"""Write Table 1, the demographics of the parts.

Inputs: cohort, split, exclusions. Output: table1.csv.
"""

from strokeclock.cohort.demographics import write_table1
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_table1(
    snakemake.input.cohort,
    snakemake.input.split,
    snakemake.output[0],
    exclusions=snakemake.input.exclusions,
)
