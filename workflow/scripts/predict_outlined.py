"""Score the validation and the test patients by how bright the lesion is where the outliner finds it."""

from strokeclock.baselines.segmented import predict_outlined
from strokeclock.job import run

run(snakemake, predict_outlined)
