"""Join the phantom patients' records to a cohort sheet and a reader sheet, and their truths to a table apart.

Inputs: phantoms (tables of files). Outputs: cohort, readers, truth (TSV).
"""

from strokeclock.batches import read_batches
from strokeclock.logs import log_to
from strokeclock.phantom.sheet import join_records, join_truths

log_to(snakemake.log[0])
phantoms = read_batches(snakemake.input.phantoms).values()
join_records(
    [files["record"] for files in phantoms],
    cohort=snakemake.output.cohort,
    readers=snakemake.output.readers,
)
join_truths([files["truth"] for files in phantoms], table=snakemake.output.truth)
