"""Join the phantom patients' records to a cohort sheet and a reader sheet, and their truths to a table apart.

Inputs: records, truths (JSON, one a patient). Outputs: cohort, readers, truth (TSV).
"""

from strokeclock.logs import log_to
from strokeclock.phantom.sheet import join_records, join_truths

log_to(snakemake.log[0])
join_records(snakemake.input.records, cohort=snakemake.output.cohort, readers=snakemake.output.readers)
join_truths(snakemake.input.truths, table=snakemake.output.truth)
