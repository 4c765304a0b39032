"""Write the phantom's cohort sheet and reader sheet, and the table of its truth apart from them.

Inputs: t2w, dwi, flair, truths (one a patient). Outputs: cohort, readers, truth (TSV).
Settings: phantom.
"""

from strokeclock.logs import log_to
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.sheet import SERIES, join_truths, write_cohort, write_readers

log_to(snakemake.log[0])
settings = snakemake.params.settings
seed = settings["seed"]
records = [draw_patient(i, seed=seed, settings=settings) for i in range(1, settings["patients"] + 1)]
write_cohort(snakemake.output.cohort, records, series={name: snakemake.input[name] for name in SERIES})
write_readers(snakemake.output.readers, records, seed=seed, contrast_gain=settings["contrast_gain"])
join_truths(snakemake.output.truth, snakemake.input.truths)
