"""Choose a classifier of the infarct cores' features by cross-validation on training and validation parts."""

from strokeclock.baselines.radiomics.classifier import fit_ml
from strokeclock.job import run

run(snakemake, fit_ml)
