"""Score the validation and the test patients by age, NIHSS and lesion volume."""

from strokeclock.baselines.clinical import predict_clinical
from strokeclock.job import run

run(snakemake, predict_clinical)
