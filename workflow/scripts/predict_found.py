"""Score the hemisphere that was found with the networks of all rows."""

from strokeclock.job import run
from strokeclock.training.prediction import predict_found

run(snakemake, predict_found)
