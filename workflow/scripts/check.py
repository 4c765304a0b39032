"""Measure and judge one patient's preprocessed volumes.

Input: t2w, dwi, flair, adc, brain_mask, transform, atlas, atlas_mask, cohort. Output: record (JSON).
Settings: quality (thresholds and the person's verdict).
"""

import csv

from strokeclock.imaging.quality import check
from strokeclock.imaging.quality_record import write_record
from strokeclock.logs import log_to

log_to(snakemake.log[0])
with open(snakemake.input.cohort, newline="") as table:
    side = {row["patient"]: row["lesion_side"] for row in csv.DictReader(table, delimiter="\t")}
record = check(
    {name: snakemake.input[name] for name in ("t2w", "dwi", "flair", "adc")},
    snakemake.input.brain_mask,
    transform=snakemake.input.transform or None,
    patient=snakemake.wildcards.patient,
    atlas=snakemake.input.atlas,
    atlas_mask=snakemake.input.atlas_mask,
    recorded_side=side[snakemake.wildcards.patient],
    thresholds=snakemake.params.thresholds,
    person=snakemake.params.person,
)
write_record(snakemake.output.record, record)
