"""Score the validation and the test patients by age, NIHSS and lesion volume."""

from strokeclock.job import run
from strokeclock.baselines.clinical import predict_clinical

run(snakemake, predict_clinical)
