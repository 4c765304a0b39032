"""Find a batch's infarcts and compute the features of those that are large enough."""

from strokeclock.baselines.radiomics.features import measure_batch
from strokeclock.job import run

run(snakemake, measure_batch)
