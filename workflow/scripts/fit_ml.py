"""Choose a classifier of the infarcts' features on the training and validation parts."""

from strokeclock.baselines.radiomics.classifier import fit_ml
from strokeclock.job import run

run(snakemake, fit_ml)
