"""Make a batch's phantom patients straight on the atlas grid, and the truth beside.

Output: table (of their files). Params: files (patient -> t2w, dwi, flair, adc, brain_mask, identity
transforms, record; in derivatives lesion, truth). Settings: phantom, preprocessing.grid.
"""

from pathlib import Path

from strokeclock.batches import write_batch
from strokeclock.logs import log_to
from strokeclock.phantom.patient import SERIES
from strokeclock.phantom.registered import make_registered_patient, write_registered_patient
from strokeclock.phantom.sheet import write_record, write_truth

log_to(snakemake.log[0])
settings = snakemake.params.settings
for name, files in snakemake.params.files.items():
    patient = make_registered_patient(
        int(name.removeprefix("phantom-")),
        seed=settings["seed"],
        settings=settings,
        grid=tuple(snakemake.params.grid),
    )
    write_registered_patient(
        patient,
        folder=Path(files["t2w"]).parent,
        lesion=files["lesion"],
        transforms=[path for what, path in files.items() if "_to_" in what],
    )
    scans = {series: files[series] for series in SERIES}
    write_truth(files["truth"], patient.record, **patient.measured)
    write_record(files["record"], patient.record, series=scans, settings=settings)
write_batch(snakemake.output.table, snakemake.params.files)
