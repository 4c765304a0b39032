"""Gather every patient's checks and say who leaves, and why.

Inputs: checks (tables of records), entry_exclusions. Outputs: quality (TSV), exclusions (TSV).
"""

from strokeclock.batches import read_batches
from strokeclock.imaging.quality_record import read_record, write_tables
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_tables(
    [read_record(files["record"]) for files in read_batches(snakemake.input.checks).values()],
    entry_exclusions=snakemake.input.entry_exclusions,
    quality=snakemake.output.quality,
    exclusions=snakemake.output.exclusions,
)
