"""Score the validation and the test patients with all networks."""

from strokeclock.job import run
from strokeclock.training.prediction import predict

run(snakemake, predict)
