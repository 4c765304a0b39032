"""Delete the preprocessed volumes of a run that is done."""

from strokeclock.batches import drop_volumes
from strokeclock.job import run

run(snakemake, drop_volumes)
