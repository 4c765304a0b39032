"""Make a batch's phantom patients as a scanner would give them, and the truth beside, one after the other.

Output: table (of their files). Params: files (patient -> t2w, dwi, flair in native space, record; in
derivatives lesion and brain_mask on the T2w grid, truth). Settings: phantom.
"""

from strokeclock.batches import write_batch
from strokeclock.logs import log_to
from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.phantom.sheet import write_record, write_truth

log_to(snakemake.log[0])
settings = snakemake.params.settings
for name, files in snakemake.params.files.items():
    patient = make_patient(int(name.removeprefix("phantom-")), seed=settings["seed"], settings=settings)
    scans = {series: files[series] for series in SERIES}
    write_patient(patient, scans=scans, lesion=files["lesion"], brain_mask=files["brain_mask"])
    write_truth(files["truth"], patient.record, **patient.measured)
    write_record(files["record"], patient.record, series=scans, settings=settings)
write_batch(snakemake.output.table, snakemake.params.files)
