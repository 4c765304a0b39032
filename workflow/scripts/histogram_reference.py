"""Take the intensity landmarks of one training patient, to which all others are matched.

Input: split, exclusions, t2w, dwi, flair, brain_mask (of every patient). Output: reference (npz).
Settings: preprocessing.intensity.
"""

import csv

from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.intensity import SERIES, choose_reference, make_reference, write_reference
from strokeclock.imaging.volume import read_volume
from strokeclock.logs import log_to

log_to(snakemake.log[0])
with open(snakemake.input.split, newline="") as table:
    parts = {row["patient"]: row["part"] for row in csv.DictReader(table, delimiter="\t")}
with open(snakemake.input.exclusions, newline="") as table:
    excluded = {row["patient"] for row in csv.DictReader(table, delimiter="\t")}
patients = snakemake.params.patients
chosen = choose_reference(parts, patients=[patient for patient in patients if patient not in excluded])
if chosen is None:
    write_exclusion(
        [snakemake.output.reference], "every patient is excluded, so none is the histogram reference"
    )
else:
    patient, part = chosen
    volumes = {
        series: read_volume(
            snakemake.input[series][patients.index(patient)], patient=patient, series=series
        ).data
        for series in (*SERIES, "brain_mask")
    }
    reference = make_reference(
        volumes,
        volumes["brain_mask"] > 0,
        patient=patient,
        part=part,
        normalisation=snakemake.params.normalisation,
        clip=snakemake.params.clip,
        match_points=snakemake.params.match_points,
    )
    write_reference(snakemake.output.reference, reference)
