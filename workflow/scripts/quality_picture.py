"""Draw one patient's slices with outlines, numbers and verdict.

Input: record, t2w, dwi, flair, brain_mask, atlas_mask, reference. Output: picture (PNG).
"""

from strokeclock.imaging.intensity import SERIES
from strokeclock.imaging.quality_picture import draw_patient, draw_reason, write_picture
from strokeclock.imaging.quality_record import histogram_distances, read_record
from strokeclock.imaging.reference import read_reference
from strokeclock.imaging.volume import read_volume
from strokeclock.logs import log_to

log_to(snakemake.log[0])
patient = snakemake.wildcards.patient
record = read_record(snakemake.input.record)
if record["numbers"] is None:
    picture = draw_reason(record)
else:
    picture = draw_patient(
        {series: read_volume(snakemake.input[series], patient=patient, series=series) for series in SERIES},
        read_volume(snakemake.input.brain_mask, patient=patient, series="brain_mask"),
        atlas_mask=read_volume(snakemake.input.atlas_mask, patient="atlas", series="brain_mask"),
        record=record,
        distances=histogram_distances(record, read_reference(snakemake.input.reference)),
    )
write_picture(snakemake.output.picture, picture)
