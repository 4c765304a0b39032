"""Delete the preprocessed volumes of a run that is done."""

from strokeclock.job import run
from strokeclock.batches import drop_volumes

run(snakemake, drop_volumes)
