"""List every patient's quality on one page, worst first.

Inputs: checks (tables of records), pictures (tables of pictures and matchings), table, reference.
Output: page (HTML).
"""

from strokeclock.batches import read_batches
from strokeclock.imaging.quality_page import write_page
from strokeclock.imaging.quality_record import read_record
from strokeclock.imaging.reference import read_reference
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_page(
    snakemake.output.page,
    [read_record(files["record"]) for files in read_batches(snakemake.input.checks).values()],
    distances={
        patient: read_record(files["matching"])
        for patient, files in read_batches(snakemake.input.pictures).items()
    },
    reference=read_reference(snakemake.input.reference),
)
