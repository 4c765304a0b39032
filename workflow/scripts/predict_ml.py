"""Score the patients by the chosen classifier of the infarct cores' features."""

from strokeclock.job import run
from strokeclock.baselines.radiomics.classifier import predict_ml

run(snakemake, predict_ml)
