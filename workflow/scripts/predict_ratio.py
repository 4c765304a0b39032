"""Score the validation and the test patients by the lesion's relative signal intensity."""

from strokeclock.baselines.ratio import predict_ratio
from strokeclock.job import run

run(snakemake, predict_ratio)
