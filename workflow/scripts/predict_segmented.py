"""Score the validation and the test patients by the segmented lesion's relative signal intensity."""

from strokeclock.baselines.segmented import predict_segmented
from strokeclock.job import run

run(snakemake, predict_segmented)
