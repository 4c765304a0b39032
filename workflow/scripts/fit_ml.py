"""Choose a classifier of the infarcts' features on the training and validation parts."""

from strokeclock.job import run
from strokeclock.baselines.radiomics.classifier import fit_ml

run(snakemake, fit_ml)
