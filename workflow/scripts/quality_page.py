"""List every patient's quality on one page, worst first.

Input: records, pictures, table, reference. Output: page (HTML).
"""

from strokeclock.imaging.quality_page import write_page
from strokeclock.imaging.quality_record import histogram_distances, read_record
from strokeclock.imaging.reference import read_reference
from strokeclock.logs import log_to

log_to(snakemake.log[0])
records = [read_record(path) for path in snakemake.input.records]
reference = read_reference(snakemake.input.reference)
write_page(
    snakemake.output.page,
    records,
    distances={record["patient"]: histogram_distances(record, reference) for record in records},
    reference=reference,
)
