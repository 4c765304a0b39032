"""Score the hemisphere that was found by the lesion's relative signal intensity."""

from strokeclock.baselines.ratio import predict_ratio_found
from strokeclock.job import run

run(snakemake, predict_ratio_found)
