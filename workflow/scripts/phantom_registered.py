"""Make phantom patients straight on the atlas grid, as preprocessing would leave them, and the truth beside.

Outputs, one a patient: t2w, dwi, flair, adc, brain_mask, two identity transforms, record; in derivatives:
lesion, truth. Settings: phantom, preprocessing.grid; patients.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.phantom.patient import SERIES
from strokeclock.phantom.registered import make_registered_patient, write_registered_patient
from strokeclock.phantom.sheet import write_record, write_truth

log_to(snakemake.log[0])
settings = snakemake.params.settings
for i, name in enumerate(snakemake.params.patients):
    patient = make_registered_patient(
        int(name.removeprefix("phantom-")),
        seed=settings["seed"],
        settings=settings,
        grid=tuple(snakemake.params.grid),
    )
    folder = Path(snakemake.output.t2w[i]).parent
    write_registered_patient(patient, folder=folder, lesion=snakemake.output.lesion[i])
    scans = {series: snakemake.output[series][i] for series in SERIES}
    write_truth(snakemake.output.truth[i], patient.record, **patient.measured)
    write_record(snakemake.output.record[i], patient.record, series=scans, settings=settings)
