"""Make one phantom patient as a scanner would give it, and the truth beside.

Outputs: t2w, dwi, flair (native space); in derivatives: lesion, brain_mask (T2w grid), truth (JSON).
Settings: phantom.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.patient import SERIES, make_patient, write_patient

log_to(snakemake.log[0])
settings = snakemake.params.settings
number = int(snakemake.wildcards.patient.removeprefix("phantom-"))
write_patient(
    make_patient(number, seed=settings["seed"], settings=settings),
    scans={series: snakemake.output[series] for series in SERIES},
    lesion=snakemake.output.lesion,
    brain_mask=snakemake.output.brain_mask,
    truth=snakemake.output.truth,
)
