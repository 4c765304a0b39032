"""Score the validation and the test patients by how bright the lesion is against the other hemisphere."""

from strokeclock.baselines.ratio import predict_ratio
from strokeclock.job import run

run(snakemake, predict_ratio)
