"""Check the cohort sheet and write who enters and who does not.

Input: sheet (TSV). Output: table (cohort.tsv), exclusions (entry_exclusions.tsv).
Settings: cohort.require_onset, cohort.exclude; which series a patient cannot do without.
"""

from strokeclock.cohort.sheet import read_sheet, write_cohort
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_cohort(
    read_sheet(
        snakemake.input.sheet,
        needed=snakemake.params.needed,
        require_onset=snakemake.params.require_onset,
        exclude=snakemake.params.exclude,
    ),
    table=snakemake.output.table,
    exclusions=snakemake.output.exclusions,
)
