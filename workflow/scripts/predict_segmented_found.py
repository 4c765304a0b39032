"""Score the hemisphere that was found by the segmented lesion's relative signal intensity."""

from strokeclock.job import run
from strokeclock.baselines.segmented import predict_segmented_found

run(snakemake, predict_segmented_found)
