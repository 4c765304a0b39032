"""Score the validation and the test patients with the networks of a row, one a seed."""

from strokeclock.job import run
from strokeclock.training.prediction import predict

run(snakemake, predict)
