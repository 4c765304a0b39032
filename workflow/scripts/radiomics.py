"""Find a batch's infarcts and compute the features of those that are large enough."""

from strokeclock.job import run
from strokeclock.baselines.radiomics.features import measure_batch

run(snakemake, measure_batch)
