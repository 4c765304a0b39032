"""List every patient's quality on one page, worst first.

Input: records, pictures, matching, table, reference. Output: page (HTML).
"""

from strokeclock.imaging.quality_page import write_page
from strokeclock.imaging.quality_record import read_record
from strokeclock.imaging.reference import read_reference
from strokeclock.logs import log_to

log_to(snakemake.log[0])
records = [read_record(path) for path in snakemake.input.records]
write_page(
    snakemake.output.page,
    records,
    distances={
        record["patient"]: read_record(path)
        for record, path in zip(records, snakemake.input.matching, strict=True)
    },
    reference=read_reference(snakemake.input.reference),
)
