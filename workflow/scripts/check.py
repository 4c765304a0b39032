"""Measure and judge the preprocessed volumes of a batch's patients, one after the other.

Inputs: preprocessed (table of files), atlas, atlas_mask, cohort. Output: table (of the records).
Params: records (patient -> file), sides (patient -> side, as the sheet has it; none of phantoms),
is_in_atlas_space (phantoms without preprocessing), persons (patient -> verdict, reason).
Settings: quality (thresholds).
"""

from strokeclock.batches import read_batches, write_batch
from strokeclock.cohort.sheet import read_sides
from strokeclock.imaging.quality import check
from strokeclock.imaging.quality_record import write_record
from strokeclock.imaging.volume import read_volume
from strokeclock.logs import log_to
from strokeclock.series import SERIES

log_to(snakemake.log[0])
records = snakemake.params.records
sides = snakemake.params.sides or read_sides(snakemake.input.cohort)
atlas = read_volume(snakemake.input.atlas, patient="atlas", series="t2w")
atlas_mask = read_volume(snakemake.input.atlas_mask, patient="atlas", series="brain_mask")
for patient, files in read_batches(snakemake.input.preprocessed, only=records).items():
    record = check(
        {name: file for name, file in files.items() if name in SERIES},
        files["brain_mask"],
        transform=None if snakemake.params.is_in_atlas_space else files["t2w_to_atlas"],
        patient=patient,
        atlas=atlas,
        atlas_mask=atlas_mask,
        recorded_side=sides[patient],
        thresholds=snakemake.params.thresholds,
        person=snakemake.params.persons.get(patient),
    )
    write_record(records[patient]["record"], record)
write_batch(snakemake.output.table, records)
