"""Measure and judge patients' preprocessed volumes, one after the other.

Inputs, a file each a patient: t2w, dwi, flair, adc, brain_mask, transform; atlas, atlas_mask, cohort.
Output: record (JSON each). Settings: quality (thresholds and the person's verdicts).
"""

import csv

from strokeclock.imaging.quality import check
from strokeclock.imaging.quality_record import write_record
from strokeclock.imaging.volume import read_volume
from strokeclock.logs import log_to

log_to(snakemake.log[0])
with open(snakemake.input.cohort, newline="") as table:
    side = {row["patient"]: row["lesion_side"] for row in csv.DictReader(table, delimiter="\t")}
atlas = read_volume(snakemake.input.atlas, patient="atlas", series="t2w")
atlas_mask = read_volume(snakemake.input.atlas_mask, patient="atlas", series="brain_mask")
for i, patient in enumerate(snakemake.params.patients):
    record = check(
        {name: snakemake.input[name][i] for name in ("t2w", "dwi", "flair", "adc")},
        snakemake.input.brain_mask[i],
        transform=snakemake.input.transform[i] if snakemake.input.transform else None,
        patient=patient,
        atlas=atlas,
        atlas_mask=atlas_mask,
        recorded_side=side[patient],
        thresholds=snakemake.params.thresholds,
        person=snakemake.params.persons[i],
    )
    write_record(snakemake.output.record[i], record)
