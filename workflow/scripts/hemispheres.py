"""Normalise and match one patient's series, and split them into hemispheres.

Input: record, t2w, dwi, flair, brain_mask, reference. Output: hemispheres (npy).
Settings: preprocessing.intensity.
"""

from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.hemispheres import make_hemispheres, write_hemispheres
from strokeclock.imaging.intensity import SERIES, read_reference
from strokeclock.imaging.quality_record import read_record
from strokeclock.imaging.volume import read_volume
from strokeclock.logs import log_to

log_to(snakemake.log[0])
patient = snakemake.wildcards.patient
files = {name: snakemake.input[name] for name in (*SERIES, "brain_mask")}


def step():
    record = read_record(snakemake.input.record)
    if record["verdict"] == "fail":
        raise PatientError(patient, record["reason"])
    volumes = {name: read_volume(path, patient=patient, series=name) for name, path in files.items()}
    hemispheres = make_hemispheres(
        volumes,
        volumes["brain_mask"],
        reference=read_reference(snakemake.input.reference),
        normalisation=snakemake.params.normalisation,
        clip=snakemake.params.clip,
        percentiles=snakemake.params.percentiles,
    )
    write_hemispheres(snakemake.output.hemispheres, hemispheres)


run_step(step, patient=patient, inputs=files.values(), outputs=snakemake.output)
