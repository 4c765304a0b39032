"""Score the hemisphere that was found by the segmented lesion's relative signal intensity."""

from strokeclock.baselines.segmented import predict_segmented_found
from strokeclock.job import run

run(snakemake, predict_segmented_found)
