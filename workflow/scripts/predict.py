"""Score the validation and the test patients with a trained network."""

from strokeclock.job import run
from strokeclock.training.prediction import predict

run(snakemake, predict)
