"""Score the hemisphere that was found by the lesion's relative signal intensity."""

from strokeclock.job import run
from strokeclock.baselines.ratio import predict_ratio_found

run(snakemake, predict_ratio_found)
