"""Train one candidate of a search of hyper-parameters."""

from strokeclock.job import run
from strokeclock.training.candidate import train_candidate

run(snakemake, train_candidate)
