"""Make one phantom patient as a scanner would give it, and the truth beside.

Outputs: t2w, dwi, flair (native space), record (sheet row and readers' calls); in derivatives: lesion,
brain_mask (both on the T2w grid), truth. Settings: phantom.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.phantom.sheet import write_record, write_truth

log_to(snakemake.log[0])
settings = snakemake.params.settings
number = int(snakemake.wildcards.patient.removeprefix("phantom-"))
patient = make_patient(number, seed=settings["seed"], settings=settings)
scans = {series: snakemake.output[series] for series in SERIES}
write_patient(patient, scans=scans, lesion=snakemake.output.lesion, brain_mask=snakemake.output.brain_mask)
write_truth(snakemake.output.truth, patient.record, **patient.measured)
write_record(snakemake.output.record, patient.record, series=scans, settings=settings)
