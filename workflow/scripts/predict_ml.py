"""Score the patients by the chosen classifier of the infarct cores' features."""

from strokeclock.baselines.radiomics.classifier import predict_ml
from strokeclock.job import run

run(snakemake, predict_ml)
