"""List the files that the FSL toolchain has left of a batch's patients.

Inputs: preprocessed (all of them). Output: table. Params: preprocessed (patient -> what it is -> file).
"""

from strokeclock.batches import write_batch
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_batch(snakemake.output.table, snakemake.params.preprocessed)
