"""Gather every patient's checks and say who leaves, and why.

Input: records (JSON), entry_exclusions. Output: quality (TSV), exclusions (TSV).
"""

from strokeclock.imaging.quality_record import read_record, write_tables
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_tables(
    map(read_record, snakemake.input.records),
    entry_exclusions=snakemake.input.entry_exclusions,
    quality=snakemake.output.quality,
    exclusions=snakemake.output.exclusions,
)
