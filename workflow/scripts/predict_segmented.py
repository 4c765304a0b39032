"""Score the validation and the test patients by the segmented lesion's relative signal intensity."""

from strokeclock.job import run
from strokeclock.baselines.segmented import predict_segmented

run(snakemake, predict_segmented)
