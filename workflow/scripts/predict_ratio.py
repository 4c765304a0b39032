"""Score the validation and the test patients by the lesion's relative signal intensity."""

from strokeclock.job import run
from strokeclock.baselines.ratio import predict_ratio

run(snakemake, predict_ratio)
